// What an engine keeps and asks for again: 304 on reload, its cache of pages for Back and Forward; --spa; isolation.
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { is, ok, soon } from './lib/browser.mjs';
import { run } from './lib/engines.mjs';

const within = 300000; // milliseconds; only what hangs takes so long
const html = body => `<!doctype html><html lang="en"><title>Page</title><link rel="icon" href="data:,">${body}`;

run(async ({ engine, root, serve, page }) => {
    const write = (name, content, time = 1700000000) => { // old enough for an ETag at once
        mkdirSync(join(root, name, '..'), { recursive: true });
        writeFileSync(join(root, name), content);
        utimesSync(join(root, name), time, time);
    };
    write('kept/index.html', html(`<link rel="stylesheet" href="style.css"><p>one</p><a href="two.html">two</a>
        <script>addEventListener('pageshow', event => { window.persisted = event.persisted; })</script>`));
    write('kept/two.html', html('<p>two'));
    write('kept/style.css', 'p { color: red }');

    // A reload asks with the validators that came, and is answered with 304 (RFC 9111 4.3).
    const kept = await serve(join(root, 'kept'));
    const statuses = target => kept.requests().filter(one => one[1] === target).map(([status]) => status);
    const logged = (target, number) => soon(() => statuses(target).length >= number, within);
    await page.goto(`${kept.url}/`);
    ok(await logged('/', 1) && await logged('/style.css', 1), 'the page and its stylesheet are in the log');
    await page.reload();
    ok(await logged('/', 2) && await logged('/style.css', 2), '... again after a reload');
    // WebKitGTK's driver has no cache on disk, only that of parts in memory.
    is([statuses('/'), statuses('/style.css')], [[200, engine === 'WebKitGTK' ? 200 : 304], [200, 304]],
        '... with 304');
    write('kept/index.html', html(`<link rel="stylesheet" href="style.css"><p>edited</p><a href="two.html">two</a>
        <script>addEventListener('pageshow', event => { window.persisted = event.persisted; })</script>`));
    await page.reload();
    is(await page.text('p'), 'edited', 'an edited page is shown by the next reload');

    // Pages are kept whole for Back and Forward, with their state, and without a request.
    // Firefox keeps no page that its driver has clicked in.
    await page.evaluate(() => { window.state = 'typed'; setTimeout(() => document.querySelector('a').click()); });
    ok(await soon(async () => await page.text('p') === 'two', within), 'a link leads on');
    const before = statuses('/').length;
    await page.back();
    ok(await soon(async () => await page.text('p') === 'edited', within), 'Back leads back');
    is(await page.evaluate(() => [window.persisted, window.state]), [true, 'typed'], '... to the page as it was left');
    await page.forward();
    ok(await soon(async () => await page.text('p') === 'two', within), 'Forward leads on');
    is(statuses('/').length, before, '... and neither asked for the page');

    // A single-page application
    write('app/index.html', html(`<script>addEventListener('popstate', show);
        function show() { document.querySelector('p').textContent = location.pathname; }
        addEventListener('DOMContentLoaded', show);</script><p></p><button>open</button>
        <script>document.querySelector('button').onclick = () => {
            history.pushState(null, '', '/users/8');
            show();
        };</script>`));
    const app = await serve(join(root, 'app'), '--spa');
    await page.goto(`${app.url}/users/7`);
    is(await page.text('p'), '/users/7', '--spa: the application at an unknown address');
    await page.click('button');
    is(await page.text('p'), '/users/8', '... and at one that it makes itself');
    await page.reload();
    is(await page.text('p'), '/users/8', '... which it can be reloaded at');
    await page.back();
    ok(await soon(async () => await page.text('p') === '/users/7', within), '... and left by Back');
    is(await page.evaluate(async () => (await fetch('/users/7.json')).status), 404,
        "... a script's request for a missing file is answered with 404");
    await page.complaints(); // that one

    // Cross-origin isolation, by two fields of -H, or of _headers
    const fields = ['Cross-Origin-Opener-Policy: same-origin', 'Cross-Origin-Embedder-Policy: require-corp'];
    const body = html('<p>isolated</p><script src="part.js"></script><img src="dot.svg" alt="">');
    for (const folder of ['options', 'rules']) {
        write(`${folder}/index.html`, body);
        write(`${folder}/part.js`, 'window.part = 5;');
        write(`${folder}/dot.svg`, '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="1"/>');
    }
    write('rules/_headers', ['/*', ...fields.map(field => `  ${field}`), ''].join('\n'));
    const isolated = async (server) => {
        await page.goto(`${server.url}/`);
        return page.evaluate(() => [window.crossOriginIsolated, window.part,
            document.querySelector('img').naturalWidth]);
    };
    is(await isolated(await serve(join(root, 'options'))), [false, 5, 7], 'a page is not isolated');
    is(await isolated(await serve(join(root, 'options'), ...fields.flatMap(field => ['-H', field]))), [true, 5, 7],
        '... it is with two fields of -H, and its parts are loaded');
    is(await isolated(await serve(join(root, 'rules'), '--rules')), [true, 5, 7], '... or with two lines of _headers');
    is(await page.complaints() ?? [], [], 'no error in the console');
});
