#include "site/look.h"

#include "base/buffer.h"
#include "base/sha256.h"

/* clang-format off */

const struct span look_style = SPAN_INIT(
    ":root{color-scheme:light dark;--ink:#1d2025;--soft:#626a75;--line:#e4e7eb;--paper:#fff;--tint:#f5f6f8;--link:#0b57d0}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e8eb;--soft:#98a1ad;--line:#2b2f36;--paper:#15171b;--tint:#1e2126;"
    "--link:#8ab4f8}}"
    "*{box-sizing:border-box}"
    "html{-webkit-text-size-adjust:100%}"
    "body{margin:0;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}"
    "a{color:var(--link);text-decoration:none}"
    "a:hover{text-decoration:underline}"
    ":focus-visible{outline:2px solid var(--link);outline-offset:2px;border-radius:3px}"
    "main{max-width:38rem;margin:0 auto;padding:18vh 1.5rem 3rem}"
    "main h1{margin:0 0 .75rem;font-size:1.75rem;line-height:1.2;font-weight:650}"
    "main h1 span{display:block;margin-bottom:.25rem;color:var(--soft);font-size:1rem;font-weight:400}"
    "main p{margin:0 0 1rem}"
    "main aside{margin:1.5rem 0;padding:.75rem 1rem;background:var(--tint);border-left:3px solid var(--link);"
    "border-radius:0 6px 6px 0;overflow-wrap:anywhere}");

const struct span look_listing_style = SPAN_INIT(
    "body{max-width:60rem;margin:0 auto;padding:2rem 1.5rem 3rem}"
    "header{display:flex;flex-wrap:wrap;gap:.5rem 1.5rem;align-items:baseline;margin-bottom:1.25rem;padding:0 .75rem}"
    "h1{flex:1 1 16rem;margin:0;font-size:1.375rem;line-height:1.35;font-weight:650;overflow-wrap:anywhere}"
    "h1 i{margin:0 .3em;color:var(--soft);font-style:normal;font-weight:400}"
    "h1 a{font-weight:400}"
    "header p{margin:0;color:var(--soft);font-size:.875rem}"
    "input{flex:0 1 14rem;font:inherit;font-size:.9375rem;padding:.35rem .7rem;color:inherit;background:var(--tint);"
    "border:1px solid var(--line);border-radius:6px}"
    "input::placeholder{color:var(--soft);opacity:1}"
    "[hidden]{display:none!important}"
    "table{width:100%;border-collapse:collapse;table-layout:fixed;font-size:.9375rem}"
    "th{padding:0;border-bottom:1px solid var(--line);font-size:.8125rem;font-weight:400;text-align:left}"
    "th a{display:block;padding:.5rem .75rem;color:var(--soft)}"
    "th[aria-sort] a{color:var(--ink)}"
    "th[aria-sort=ascending] a::after{content:'\\2002\\2191'}"
    "th[aria-sort=descending] a::after{content:'\\2002\\2193'}"
    "th:nth-child(2),td:nth-child(2){width:7rem;text-align:right}"
    "th:nth-child(3),td:nth-child(3){width:12rem;text-align:right}"
    "td{padding:.4rem .75rem;border-bottom:1px solid var(--line);color:var(--soft);white-space:nowrap;"
    "vertical-align:baseline;font-variant-numeric:tabular-nums}"
    "td:first-child{padding:0}"
    "td a{position:relative;display:block;padding:.4rem .75rem .4rem 2.5rem;white-space:normal;overflow-wrap:anywhere}"
    "td a::before{content:'';position:absolute;left:.8rem;top:.62rem;width:16px;height:16px;background:var(--soft);"
    "opacity:.55;clip-path:path(evenodd,'M3 1h6.5L13 4.500V15H3zM4.200 2.200V13.800H11.800V5.300H8.700V2.200z')}"
    ".d a::before{background:var(--link);opacity:.85;clip-path:path('M1 3.500Q1 2.500 2 2.500H6L7.500 4.500H14"
    "Q15 4.500 15 5.500V12.500Q15 13.500 14 13.500H2Q1 13.500 1 12.500z')}"
    ".u a::before{background:var(--soft);clip-path:path('M8 2L13.500 7.500H9.200V14H6.800V7.500H2.500z')}"
    "tbody tr:hover{background:var(--tint)}"
    "td a:focus-visible{outline-offset:-2px}"
    "footer{padding:1rem .75rem;color:var(--soft)}"
    "@media(max-width:40rem){body{padding:1.25rem 0 2rem}header{padding:0 1rem}input{flex:1 1 100%;font-size:1rem}"
    "th:nth-child(2),td:nth-child(2){width:4.75rem}th:nth-child(3),td:nth-child(3){width:6.75rem}"
    "th a{padding:.5rem 1rem}td{padding:.4rem 1rem .4rem 0}td:nth-child(2),th:nth-child(2) a{padding-right:0}"
    "th span,time span{display:none}"
    "td{font-size:.8125rem}td a{padding:.65rem .5rem .65rem 2.75rem;font-size:1rem}td a::before{left:1.1rem;top:.92rem}"
    "footer{padding:1rem}}");

/*
 * Sorts without asking the server again, filters, and moves by keys: "/" to the filter, arrows from name to name. The
 * rows are ordered as listing.c orders them. Without it, the headings are links that do the same.
 */
const struct span look_listing_script = SPAN_INIT(
    "(()=>{\n"
    "const body=document.querySelector('tbody:last-of-type'),rows=[...body.rows],filter=document.querySelector('input');\n"
    "const heads=[...document.querySelectorAll('th')],count=document.querySelector('header p'),told=count.textContent;\n"
    "const lower=text=>text.replace(/[A-Z]+/g,part=>part.toLowerCase());\n"
    "const number=run=>(run=run.replace(/^0+/,''),'0'+String.fromCharCode(run.length)+run);\n"
    "const name=row=>row.querySelector('bdi').textContent;\n"
    "const names=rows.map(row=>name(row).toLowerCase()),keys=rows.map(row=>lower(name(row)).replace(/\\d+/g,number));\n"
    "rows.forEach((row,i)=>row.at=i);\n"
    "const link=row=>row.cells[0].firstChild,path=row=>link(row).getAttribute('href');\n"
    "const octets=row=>+(row.querySelector('data')?.value||0);\n"
    "const time=row=>row.querySelector('time')?.dateTime||'';\n"
    "const order=(a,b)=>a<b?-1:a>b?1:0;\n"
    "const orders=[(a,b)=>order(keys[a.at],keys[b.at])||order(path(a),path(b)),(a,b)=>octets(a)-octets(b),\n"
    " (a,b)=>order(time(a),time(b))];\n"
    "const folder=row=>row.className==='d'?0:1;\n"
    "function sort(column,down){\n"
    " rows.sort((a,b)=>folder(a)-folder(b)||(down?-1:1)*orders[column](a,b)||orders[0](a,b));\n"
    " body.append(...rows);\n"
    " heads.forEach((head,i)=>{\n"
    "  const link=head.firstChild,url=new URL(link.href);\n"
    "  if(i===column)head.setAttribute('aria-sort',down?'descending':'ascending');else head.removeAttribute('aria-sort');\n"
    "  url.searchParams.set('order',i===column&&!down?'desc':'asc');link.href=url.search;\n"
    " });\n"
    "}\n"
    "heads.forEach((head,i)=>head.addEventListener('click',event=>{\n"
    " if(event.ctrlKey||event.metaKey||event.shiftKey)return;\n"
    " event.preventDefault();\n"
    " const search=head.firstChild.search;\n"
    " sort(i,head.getAttribute('aria-sort')==='ascending');\n"
    " history.replaceState(null,'',search);\n"
    "}));\n"
    "function narrow(){\n"
    " const wanted=filter.value.toLowerCase().split(' ').filter(Boolean);let shown=0;\n"
    " for(const row of rows){const fits=wanted.every(word=>names[row.at].includes(word));row.hidden=!fits;shown+=fits;}\n"
    " count.textContent=wanted.length?shown+' of '+rows.length:told;\n"
    "}\n"
    "filter.hidden=!rows.length;\n"
    "filter.addEventListener('input',narrow);\n"
    "addEventListener('pageshow',narrow);\n"
    "addEventListener('keydown',event=>{\n"
    " if(event.ctrlKey||event.metaKey||event.altKey)return;\n"
    " const {key,target}=event,typing=target===filter;\n"
    " if(key==='/'&&!typing){event.preventDefault();filter.focus();filter.select();return;}\n"
    " if(key==='Escape'&&typing){filter.value='';narrow();filter.blur();return;}\n"
    " const links=[...document.querySelectorAll('tbody tr:not([hidden]) a')],at=links.indexOf(target);\n"
    " if(key==='Enter'&&typing&&filter.value){const first=rows.find(row=>!row.hidden);if(first)link(first).click();return;}\n"
    " const step={ArrowDown:1,ArrowUp:-1}[key];\n"
    " if(!step||!links.length)return;\n"
    " event.preventDefault();\n"
    " if(at+step<0&&!filter.hidden)filter.focus();\n"
    " else links[Math.min(Math.max(at+step,0),links.length-1)].focus();\n"
    "});\n"
    "})()");

/* clang-format on */

static void append_hash(struct buffer *policy, const char *directive, struct span text)
{
    buffer_string(policy, directive);
    sha256_append_source(policy, text);
}

/* No page of ours has a form, a base or an object, or belongs into a frame. */
#define REST "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

struct span look_policy(void)
{
    static char room[256];
    static struct buffer policy = {room, 0, sizeof room, false};
    if (policy.length == 0) {
        buffer_append(&policy, SPAN("default-src 'none'"));
        append_hash(&policy, "; style-src ", look_style);
        buffer_append(&policy, SPAN(REST));
    }
    return buffer_span(&policy);
}

struct span look_listing_policy(void)
{
    static char room[384];
    static struct buffer policy = {room, 0, sizeof room, false};
    if (policy.length == 0) {
        buffer_append(&policy, SPAN("default-src 'none'"));
        append_hash(&policy, "; style-src ", look_style);
        append_hash(&policy, " ", look_listing_style);
        append_hash(&policy, "; script-src ", look_listing_script);
        buffer_append(&policy, SPAN(REST));
    }
    return buffer_span(&policy);
}
