// Every page that comes with the server, and those that it makes itself: nothing in the console, nothing that can't be
// loaded, nothing wider than the window; in both colour schemes, in a wide window and in a narrow one. Pictures are
// there to be looked at.
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { is, ok, soon } from './lib/browser.mjs';
import { run } from './lib/engines.mjs';

const www = resolve('www');

// How much each text's colour differs from that of its ground (WCAG 2.2, 1.4.3), and which text differs least.
function leastContrast() {
    const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
    const paint = colours => {
        for (const colour of ['#fff', ...colours]) {
            canvas.fillStyle = colour;
            canvas.fillRect(0, 0, 1, 1);
        }
        return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const light = colour => {
        const [r, g, b] = colour.map(part => part / 255)
            .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const grounds = element =>
        element ? [...grounds(element.parentElement), getComputedStyle(element).backgroundColor] : [];
    let least = { ratio: 21, text: '' };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let text; (text = texts.nextNode());) {
        const element = text.parentElement;
        if (!text.data.trim() || element.matches('script,style') || !element.checkVisibility()) continue;
        const ground = grounds(element);
        const [a, b] = [light(paint(ground)), light(paint([...ground, getComputedStyle(element).color]))]
            .sort((x, y) => x - y);
        const ratio = (b + 0.05) / (a + 0.05);
        if (ratio < least.ratio) least = { ratio, text: text.data.trim() };
    }
    return least;
}

// What the pages of a server with --watch told it since the last call, for an engine that tells a driver nothing.
async function toldByPage(page, server) {
    const lines = () =>
        server.errors().split('\n').filter(line => line.includes('in the browser: ')).slice(server.told ?? 0);
    await page.evaluate(() => { dispatchEvent(new ErrorEvent('error', { message: 'the last one' })); });
    if (!await soon(() => lines().some(line => line.endsWith(': the last one')), 20000))
        return ['the page tells nothing'];
    const found = lines();
    server.told = (server.told ?? 0) + found.length;
    return found.filter(line => !line.endsWith(': the last one'));
}

async function look({ page, picture }, server, path, what, status) {
    const before = server.requests().length;
    await page.goto(server.url + path);
    // What the page and its scripts ask for, once that stays the same for a moment.
    const loads = await page.evaluate(async () => {
        const names = () => performance.getEntriesByType('resource').map(({ name }) => name);
        for (let last = -1; last !== names().length; await new Promise(done => setTimeout(done, 200)))
            last = names().length;
        return names();
    });
    const own = loads.filter(url => url.startsWith(`${server.url}/`)).map(url => url.slice(server.url.length));
    const targets = [path, ...own].filter(target => !target.endsWith('/tinyhttpd/live.js')); // it is not logged
    const unseen = () => targets.filter(target => !server.requests().some(one => one[1] === target));
    ok(await soon(() => server.requests().length > before && !unseen().length, 20000),
        `${what}: the page and all that it loads are in the log`,
        unseen().join(' '));
    const failed = server.requests().slice(before).filter(one => one[0] >= 400);
    is(failed, status < 400 ? [] : [[status, path]], `${what}: ${status}, and everything that it loads exists`);
    // The engine itself reports the page's own error status.
    const complaints = await page.complaints() ?? await toldByPage(page, server);
    is(complaints.filter(text => status < 400 || !text.includes(`status of ${status} `)), [],
        `${what}: no error, no warning in the console`);
    const extent = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    ok(extent[0] <= extent[1], `${what}: no wider than the window`, extent.join(' > '));
    const least = await page.evaluate(leastContrast);
    ok(least.ratio >= 4.5, `${what}: every text has contrast`, `${least.ratio.toFixed(2)}: ${least.text}`);
    await page.screenshot(picture(what));
}

run(async ({ engine, root, serve, open, picture }) => {
    for (const folder of ['photos/2025', 'docs']) mkdirSync(join(root, folder), { recursive: true });
    const names = ['README.md', 'x'.repeat(120),
        'a name that is so long that no column is wide enough for it, least of all on a phone.pdf'];
    for (const name of names) writeFileSync(join(root, 'photos', name), name);
    mkdirSync(join(root, 'closed'));
    chmodSync(join(root, 'closed'), 0);
    const watch = engine === 'WebKitGTK' ? ['--watch'] : []; // toldByPage
    const site = await serve(www, ...watch), own = await serve(root, ...watch);
    const plain = await serve(root, '--no-list', ...watch);
    const pages = readdirSync(www, { recursive: true }).filter(file => file.endsWith('.html')).sort();

    for (const [dark, phone] of [[false, false], [true, false], [false, true], [true, true]]) {
        const context = { page: await open({ dark, phone }), picture };
        const see = (server, path, what, status = 200) =>
            look(context, server, path, `${what}, ${dark ? 'dark' : 'light'}, ${phone ? 'narrow' : 'wide'}`, status);
        for (const file of pages) await see(site, `/${file}`, `www ${file}`);
        await see(site, '/nothing/here', 'www missing', 404);
        await see(own, '/', 'listing');
        await see(own, '/photos/?sort=size&order=desc', 'listing below');
        await see(own, '/docs/', 'listing empty');
        await see(own, '/photos/readme.md', 'error 404', 404);
        await see(own, '/%', 'error 400', 400);
        await see(plain, '/photos/', 'error without listing', 404);
        await context.page.close();
    }
});
