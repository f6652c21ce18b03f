// Listings in a browser: links, sorting, the filter, keys, without scripts, in both colour schemes and on a phone.
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { is, ok, pictures, run } from './lib/browser.mjs';

const sizes = { 'file10.txt': 300, 'file2.txt': 2000, 'File1.txt': 52000, 'README.md': 1234, 'film.mp4': 4800000,
    'a<b>"&\'.html': 10, 'javascript:alert(1)': 1, 'two words.css': 840,
    'a name that is so long that no column is wide enough for it, least of all on a phone, and it has to wrap.pdf': 98765 };

const names = page => page.$$eval('tbody:last-of-type tr:not([hidden]) a', all => all.map(one => one.textContent.replace(/\/$/, '')));
const sorted = page => page.$$eval('th', all => all.map(one => one.getAttribute('aria-sort')));
const focused = page => page.evaluate(() => document.activeElement.closest('td')?.textContent ?? document.activeElement.tagName);

// True if in each row the size and the time are on the first line of the name.
const firstLine = () => [...document.querySelectorAll('tbody:last-of-type tr')].every(row => {
    const [name, ...others] = [...row.querySelectorAll('a,data,time')].map(one => {
        const range = document.createRange();
        range.selectNodeContents(one);
        return range.getClientRects()[0];
    });
    return others.every(other => other.top >= name.top - 1 && other.bottom <= name.bottom + 1);
});

const byName = ['guide', 'img', "a name that is so long that no column is wide enough for it, least of all on a phone, and it has to wrap.pdf",
    'a<b>"&\'.html', 'File1.txt', 'file2.txt', 'file10.txt', 'film.mp4', 'javascript:alert(1)', 'README.md', 'two words.css'];
const bySize = ['guide', 'img', ...byName.slice(2).sort((a, b) => sizes[a] - sizes[b])];

run(async ({ root, serve, open }) => {
    for (const folder of ['img', 'guide/postcard', 'guide/empty']) mkdirSync(`${root}/${folder}`, { recursive: true });
    Object.entries(sizes).forEach(([name, size], i) => {
        writeFileSync(`${root}/${name}`, 'x'.repeat(size));
        utimesSync(`${root}/${name}`, 1700000000 + 86400 * i, 1700000000 + 86400 * i);
    });
    const site = await serve();

    const page = await open();
    await page.goto(`${site}/`);
    is(await names(page), byName, 'folders first, then names in natural order');
    is(await page.textContent('header p'), '2 folders, 9 files', 'a count');
    await page.screenshot({ path: `${pictures}/listing-light.png` });

    // Sorting by script, without another request
    let asked = 0;
    page.on('request', () => asked++);
    await page.click('text=Size');
    is(await names(page), bySize, 'a click on Size sorts by size');
    is(await sorted(page), [null, 'ascending', null], 'and says so');
    await page.click('text=Size');
    is(await names(page), ['guide', 'img', ...bySize.slice(2).reverse()], 'another one reverses, folders stay first');
    is(await sorted(page), [null, 'descending', null], 'and says so');
    is(asked, 0, 'without a request');
    is(new URL(page.url()).search, '?sort=size&order=desc', 'the address tells the order');
    await page.reload();
    is(await names(page), ['guide', 'img', ...bySize.slice(2).reverse()], 'the server knows the same order');
    await page.click('text=Modified');
    is((await names(page)).slice(2), Object.keys(sizes), 'by time');
    await page.click('text=Name');
    is(await names(page), byName, 'and by name as the server does');

    // The filter, and the keys
    await page.keyboard.press('/');
    is(await focused(page), 'INPUT', '"/" goes to the filter');
    await page.keyboard.type('FILE txt');
    is(await names(page), ['File1.txt', 'file2.txt', 'file10.txt'], 'which narrows by words, in any case');
    is(await page.textContent('header p'), '3 of 11', 'and counts');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    is(await focused(page), 'file2.txt', 'arrows move among what is left');
    await page.screenshot({ path: `${pictures}/listing-filter.png` });
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowUp');
    is(await focused(page), 'INPUT', 'and back');
    await page.keyboard.press('Escape');
    is(await names(page), byName, 'Escape shows all');
    await page.keyboard.press('/');
    await page.keyboard.type('gui');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/guide/');
    is(await names(page), ['empty', 'postcard'], 'Enter opens the first');
    await page.click('td a:text-is("empty/")');
    await page.waitForURL('**/guide/empty/');
    is(await page.textContent('footer'), 'This folder is empty.', 'an empty one says so');
    is(await page.textContent('h1'), '/guide/empty', 'the heading is the path');
    await page.click('h1 a:has-text("guide")');
    await page.waitForURL('**/guide/');
    await page.click('.u a');
    await page.waitForURL(`${site}/`);
    ok(true, 'the path\'s links and "Up" lead back');
    for (const name of ['a<b>"&\'.html', 'javascript:alert(1)', 'two words.css']) {
        const href = await page.$eval(`a:text-is(${JSON.stringify(name)})`, link => link.href);
        const got = await page.evaluate(async url => (await (await fetch(url)).text()).length, href)
            .catch(() => fetch(href).then(answer => answer.text()).then(text => text.length));
        is(got, sizes[name], `the link of ${name} leads to it`);
    }
    is(page.complaints.filter(text => !/connect-src|default-src|Fetch API/.test(text)), [], 'no error in the console');
    await page.close();

    // Dark, a phone, no scripts, an error
    const dark = await open({ colorScheme: 'dark' });
    await dark.goto(`${site}/`);
    const ground = await dark.evaluate(() => getComputedStyle(document.body).backgroundColor);
    ok(ground.match(/\d+/g).every(part => part < 64), 'a dark background if the user prefers it', ground);
    await dark.screenshot({ path: `${pictures}/listing-dark.png` });
    await dark.goto(`${site}/Readme.md`);
    await dark.screenshot({ path: `${pictures}/missing-dark.png` });

    for (const path of ['/', '/guide/', '/nothing']) {
        const phone = await open({ viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 });
        await phone.goto(site + path);
        ok(await phone.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${path} fits a phone's width`);
        if (path === '/') ok(await phone.evaluate(firstLine), 'sizes and times are beside the first line of a long name');
        await phone.screenshot({ path: `${pictures}/phone${path.replace(/\W/g, '-')}.png` });
        await phone.close();
    }

    const plain = await open({ javaScriptEnabled: false });
    await plain.goto(`${site}/`);
    ok(!await plain.isVisible('input'), 'without scripts: no filter');
    await plain.click('text=Size');
    await plain.waitForURL('**/?sort=size&order=asc');
    is(await names(plain), bySize, 'without scripts: headings sort by a request');
    await plain.click('text=Size');
    await plain.waitForURL('**/?sort=size&order=desc');
    is(await sorted(plain), [null, 'descending', null], 'without scripts: and reverse');

    const missing = await open();
    await missing.goto(`${site}/Readme.md`);
    is(await missing.textContent('h1'), '404 Not Found', 'a page for what is missing');
    await missing.screenshot({ path: `${pictures}/missing-light.png` });
    await missing.click('text=start page');
    await missing.waitForURL(`${site}/`);
    ok(true, 'an error page links to the root');
    is([dark, plain, missing].flatMap(one => one.complaints).filter(text => !/404/.test(text)), [], 'no error in any console');
});
