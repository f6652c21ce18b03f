// A server for this machine only, seen from pages of other origins: their loads are refused, and a service worker that
// another site has left at the same port gives way.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { is, ok, soon } from './lib/browser.mjs';
import { run } from './lib/engines.mjs';

const html = body => `<!doctype html><html lang="en"><title>Guard</title><link rel="icon" href="data:,">${body}`;

run(async ({ root, serve, page }) => {
    const write = (name, content) => writeFileSync(join(root, name), content);
    for (const folder of ['files', 'page', 'site']) mkdirSync(join(root, folder));
    write('files/app.js', 'window.loaded = true;');
    write('files/index.html', html('<p>framed'));
    const { url: files } = await serve(join(root, 'files'));
    const { url: shared } = await serve(join(root, 'files'), '--cors');

    // Loads the script and the page of `url` from a page at `origin`. Returns [script ran, frame shows the page].
    const { url: host } = await serve(join(root, 'page'));
    const load = async (origin, url) => {
        write('page/index.html', html(`<script src="${url}/app.js"></script><iframe src="${url}/"></iframe>`));
        await page.goto(`${origin}/`);
        const loaded = await page.evaluate(() => window.loaded === true);
        await page.enter('iframe');
        const result = [loaded, await page.evaluate(() => document.querySelector('p')?.textContent ?? null)];
        await page.enter();
        return result;
    };
    const foreign = host.replace('localhost', '127.0.0.1'); // another site, to browsers
    is(await load(host, files), [true, 'framed'],
        'a page at another port of localhost loads a script, and frames a page');
    is(await load(foreign, files), [false, 'framed'], 'a page of another site loads no script, but frames a page');
    is(await load(foreign, shared), [true, 'framed'], '... with --cors it loads the script');

    // A project with a service worker that answers everything, then another project at the same port.
    write('site/sw.js', `addEventListener('install', () => skipWaiting());
        addEventListener('activate', event => event.waitUntil(clients.claim()));
        addEventListener('fetch', event => event.respondWith(new Response('<title>old</title><p>old',
            { headers: { 'Content-Type': 'text/html' } })));`);
    write('site/index.html', html(`<p>first<script>navigator.serviceWorker.register('sw.js')</script>`));
    const { url: site } = await serve(join(root, 'site'));
    await page.goto(`${site}/`);
    ok(await soon(async () => page.evaluate(() => navigator.serviceWorker.controller !== null), 10000),
        'a service worker controls the site');
    await page.goto(`${site}/`);
    is(await page.text('p'), 'old', '... and answers for it');
    rmSync(join(root, 'site/sw.js'));
    write('site/index.html', html('<p>new'));
    await page.goto(`${site}/`);
    ok(await soon(async () => await page.text('p') === 'new', 10000),
        'without its script it unregisters itself, and the page is shown');
    await page.goto(`${site}/`);
    is(await page.text('p'), 'new', '... at the second load, too');
    is(await page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length), 0,
        '... and no service worker is left');
});
