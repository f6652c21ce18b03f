// Listings in a browser: links, sorting, the filter, keys, without scripts, in both colour schemes and in a narrow
// window.
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { is, ok, soon } from './lib/browser.mjs';
import { run } from './lib/engines.mjs';

const long = 'a name that is so long that no column is wide enough for it, least of all on a phone, and it wraps.pdf';
const sizes = { 'file10.txt': 300, 'file2.txt': 2000, 'File1.txt': 52000, 'README.md': 1234, 'film.mp4': 4800000,
    'a<b>"&\'.html': 10, 'javascript:alert(1)': 1, 'two words.css': 840,
    [long]: 98765 };

const names = page => page.evaluate(() =>
    [...document.querySelectorAll('tbody:last-of-type tr:not([hidden]) a')]
        .map(one => one.textContent.replace(/\/$/, '')));
const sorted = page => page.evaluate(() =>
    [...document.querySelectorAll('th')].map(one => one.getAttribute('aria-sort')));
const focused = page => page.evaluate(() =>
    document.activeElement.closest('td')?.textContent ?? document.activeElement.tagName);

// True if in each row the size and the time are on the first line of the name.
const firstLine = () => [...document.querySelectorAll('tbody:last-of-type tr')].every(row => {
    const [name, ...others] = [...row.querySelectorAll('a,data,time')].map(one => {
        const range = document.createRange();
        range.selectNodeContents(one);
        return range.getClientRects()[0];
    });
    return others.every(other => other.top >= name.top - 1 && other.bottom <= name.bottom + 1);
});

const byName = ['guide', 'img', long, 'a<b>"&\'.html', 'File1.txt', 'file2.txt', 'file10.txt', 'film.mp4',
    'javascript:alert(1)', 'README.md', 'two words.css'];
const bySize = ['guide', 'img', ...byName.slice(2).sort((a, b) => sizes[a] - sizes[b])];

run(async ({ root, serve, page, open, picture }) => {
    for (const folder of ['img', 'guide/postcard', 'guide/empty']) mkdirSync(`${root}/${folder}`, { recursive: true });
    Object.entries(sizes).forEach(([name, size], i) => {
        writeFileSync(`${root}/${name}`, 'x'.repeat(size));
        utimesSync(`${root}/${name}`, 1700000000 + 86400 * i, 1700000000 + 86400 * i);
    });
    const { url: site, requests } = await serve(root);
    const arrives = (window, path) => soon(async () => await window.url() === site + path, 40000);

    await page.goto(`${site}/`);
    is(await names(page), byName, 'folders first, then names in natural order');
    is(await page.text('header p'), '2 folders, 9 files', 'a count');
    await page.screenshot(picture('listing-light'));

    // Sorting by script, without another request
    ok(await soon(() => requests().length > 0, 20000), 'the request is in the log');
    const asked = requests().length;
    await page.click('th button', 'Size');
    is(await names(page), bySize, 'a click on Size sorts by size');
    is(await sorted(page), [null, 'ascending', null], 'and says so');
    await page.click('th button', 'Size');
    is(await names(page), ['guide', 'img', ...bySize.slice(2).reverse()], 'another one reverses, folders stay first');
    is(await sorted(page), [null, 'descending', null], 'and says so');
    is(new URL(await page.url()).search, '?sort=size&order=desc', 'the address tells the order');
    await page.reload();
    is(await names(page), ['guide', 'img', ...bySize.slice(2).reverse()], 'the server knows the same order');
    ok(await soon(() => requests().length > asked, 20000), 'the reload is in the log');
    is(requests().slice(asked).map(([, target]) => target), ['/?sort=size&order=desc'],
        'and sorting made no request before it');
    await page.click('th button', 'Modified (UTC)');
    is((await names(page)).slice(2), Object.keys(sizes), 'by time');
    await page.click('th button', 'Name');
    is(await names(page), byName, 'and by name as the server does');

    // The filter, and the keys
    await page.type('/');
    is(await focused(page), 'INPUT', '"/" goes to the filter');
    await page.type('FILE txt');
    is(await names(page), ['File1.txt', 'file2.txt', 'file10.txt'], 'which narrows by words, in any case');
    is(await page.text('header p'), '3 of 11', 'and counts');
    await page.type('ArrowDown');
    await page.type('ArrowDown');
    is(await focused(page), 'file2.txt', 'arrows move among what is left');
    await page.screenshot(picture('listing-filter'));
    await page.type('ArrowUp');
    await page.type('ArrowUp');
    is(await focused(page), 'INPUT', 'and back');
    await page.type('Escape');
    is(await names(page), byName, 'Escape shows all');
    await page.type('/');
    await page.type('gui');
    await page.type('Enter');
    ok(await arrives(page, '/guide/'), 'Enter opens the first');
    is(await names(page), ['empty', 'postcard'], 'which is a listing');
    await page.click('td a', 'empty/');
    ok(await arrives(page, '/guide/empty/'), 'a link leads to its folder');
    is(await page.text('footer'), 'This folder is empty.', 'an empty one says so');
    is(await page.text('h1'), '/guide/empty', 'the heading is the path');
    await page.click('h1 a', 'guide');
    ok(await arrives(page, '/guide/'), "the path's links lead back");
    await page.click('.u a');
    ok(await arrives(page, '/'), 'and so does "Up"');
    is(await page.complaints() ?? [], [], 'no error in the console');
    for (const name of ['a<b>"&\'.html', 'javascript:alert(1)', 'two words.css']) {
        const href = await page.evaluate(text =>
            [...document.querySelectorAll('a')].find(link => link.textContent === text).href, name);
        is((await (await fetch(href)).text()).length, sizes[name], `the link of ${name} leads to it`);
    }

    const dark = await open({ dark: true });
    await dark.goto(`${site}/`);
    const ground = await dark.evaluate(() => getComputedStyle(document.body).backgroundColor);
    ok(ground.match(/\d+/g).every(part => part < 64), 'a dark background if the user prefers it', ground);
    await dark.screenshot(picture('listing-dark'));
    await dark.close();

    const phone = await open({ phone: true });
    for (const path of ['/', '/guide/', '/nothing']) {
        await phone.goto(site + path);
        ok(await phone.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
            `${path} fits a narrow window`);
        if (path === '/')
            ok(await phone.evaluate(firstLine), 'sizes and times are beside the first line of a long name');
        await phone.screenshot(picture(`narrow${path}`));
    }
    await phone.close();

    const plain = await open({ scripts: false });
    await plain.goto(`${site}/`);
    is(await plain.evaluate(() => document.querySelector('input').checkVisibility()), false,
        'without scripts: no filter');
    await plain.click('th button', 'Size');
    ok(await arrives(plain, '/?sort=size&order=asc'), 'without scripts: headings sort by a request');
    is(await names(plain), bySize, 'without scripts: in this order');
    await plain.click('th button', 'Size');
    ok(await arrives(plain, '/?sort=size&order=desc'), 'without scripts: and reverse');
    is(await sorted(plain), [null, 'descending', null], 'without scripts: and say so');
    await plain.close();

    await page.goto(`${site}/Readme.md`);
    is(await page.text('h1'), '404 Not Found', 'a page for what is missing');
    await page.screenshot(picture('missing-light'));
    await page.click('a', 'Go to the start page');
    ok(await arrives(page, '/'), 'an error page links to the root');
});
