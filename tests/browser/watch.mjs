// --watch in an open page: it shows an edited file. A stylesheet is replaced in place, other files reload the page.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { is, ok, soon } from './lib/browser.mjs';
import { run } from './lib/engines.mjs';

const within = 300000; // milliseconds; only what hangs takes so long

const svg = width => `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="1"/>`;
const html = text => '<!doctype html><html lang="en"><title>Watched</title><link rel="icon" href="data:,">' +
    `<link rel="stylesheet" href="style.css?v=1"><p>${text}</p><img src="dot.svg" alt="">`;
const paint = page => page.evaluate(() => getComputedStyle(document.querySelector('p')).color);
const shows = (page, text) => soon(async () => await page.text('p') === text, within);
const count = (page, selector) => page.evaluate(one => document.querySelectorAll(one).length, selector);

// Sets a variable that a reload would remove.
const mark = page => page.evaluate(() => { window.unloaded = false; });
const marked = page => page.evaluate(() => window.unloaded === false);

// Makes the page believe that its tab is hidden, as a driver shows all tabs.
const showTab = (page, state) => page.evaluate(state => {
    Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
    Object.defineProperty(document, 'hidden', { value: state !== 'visible', configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
}, state);

const wait = milliseconds => new Promise(done => setTimeout(done, milliseconds));

run(async ({ root, serve, relay, page }) => {
    const write = (name, content) => writeFileSync(join(root, name), content);
    write('index.html', html('one'));
    write('style.css', 'p { color: rgb(1, 1, 1) }\n');
    write('dot.svg', svg(1));
    write('late.svg', svg(1));
    const watched = await serve(root, '--watch'), without = await serve(root);
    const { url: site, heads } = await relay(watched.url);
    const checks = () => heads.filter(head => /^tinyhttpd-live:/im.test(head)).length; // the script's, so far
    // Waits until the page has checked all its files twice: then it knows their versions.
    // The checks in a round, of which there is one a second.
    const inRound = async () => {
        const before = checks(), began = Date.now();
        await wait(1200);
        return (checks() - before) / (1 + Math.ceil((Date.now() - began) / 1000));
    };
    const settle = async () => { const before = checks(); await soon(() => checks() >= before + 8, within); };

    await page.goto(`${without.url}/`);
    const names = () => Object.getOwnPropertyNames(window);
    // The element stood on a line of its own.
    const markup = () => document.documentElement.outerHTML.replace(/\s+<\/body>/, '</body>');
    const plain = await page.evaluate(markup), usual = new Set(await page.evaluate(names)); // some are the driver's
    await page.goto(`${site}/`);
    ok(await soon(() => checks() >= 6, within), 'a visible page checks itself and the files that it has loaded');
    is(await count(page, 'script'), 0, 'its element is gone');
    is((await page.evaluate(names)).filter(name => !usual.has(name)), [], 'and no global name has come');
    is(await page.evaluate(markup), plain, 'the document is what it is without --watch');

    await mark(page);
    for (const shade of [2, 3]) {
        write('style.css', `p { color: rgb(${shade}, ${shade}, ${shade}) }\n`);
        ok(await soon(async () => await paint(page) === `rgb(${shade}, ${shade}, ${shade})`, within),
            `an edited stylesheet is shown (${shade})`);
    }
    ok(await marked(page), 'an edited stylesheet: no reload');
    ok(await soon(async () => await count(page, 'link[rel=stylesheet]') === 1, within),
        'an edited stylesheet: the old link element is removed');

    write('index.html', html('two'));
    ok(await shows(page, 'two'), 'an edited page is shown');
    ok(!await marked(page), 'an edited page: by a reload');
    is(await paint(page), 'rgb(3, 3, 3)', 'an edited page: with the last stylesheet');

    await settle();
    write('dot.svg', svg(7));
    ok(await soon(() => page.evaluate(() => document.querySelector('img').naturalWidth === 7), within),
        'a changed image is shown');

    await settle();
    await mark(page);
    await settle();
    ok(await marked(page), 'without changes the page goes on checking, and does not reload');
    await showTab(page, 'hidden');
    let hidden = -1; // once the round under way has ended
    const rests = async () => {
        const last = hidden;
        hidden = checks();
        await wait(1500);
        return hidden === last;
    };
    ok(await soon(rests, within), 'a hidden tab makes no checks');
    write('index.html', html('three'));
    await wait(1500);
    is([checks(), await marked(page)], [hidden, true], 'a hidden tab does not reload');
    await showTab(page, 'visible');
    ok(await shows(page, 'three'), 'a tab that becomes visible reloads');
    is(await page.complaints() ?? [], [], 'no message in the console');

    // The resource timeline of a page becomes full (250 entries).
    await page.evaluate(async () => {
        for (let i = 0; i < 260; i++) await fetch(`/?${i}`);
        document.body.append(Object.assign(new Image, { src: 'late.svg' }));
    });
    const late = () => heads.filter(head => /^HEAD \/late\.svg /.test(head)).length;
    ok(await soon(() => late() >= 2, within), 'a file that is loaded late is checked');
    await mark(page);
    write('late.svg', svg(5));
    ok(await soon(async () => !await marked(page), within), '... and watched');
    await page.evaluate(async () => {
        for (let i = 0; i < 20; i++) await fetch(`/style.css?${i}`);
    });
    await settle();
    let checked = await inRound();
    ok(checked <= 4, 'a file that was loaded with many queries is checked once in a round', checked);

    // Scripts fetch fragments, also jQuery's way: X-Requested-With, and scripts of the fragment evaluated.
    write('frag.html', '<p id="frag">fragment');
    const whole = await page.evaluate(async () =>
        (await fetch('/frag.html', { headers: { Accept: 'text/html, */*; q=0.01' } })).text());
    is(whole, '<p id="frag">fragment', 'a fragment that a script fetches is its file');
    await page.goto(`${site}/frag.html`);
    const again = await page.evaluate(async () => {
        const script = document.createElement('script'), parent = document.head;
        script.text = await (await fetch('/.well-known/tinyhttpd/live.js')).text();
        parent.append(script);
        parent.removeChild(script); // throws if the script has removed it
        return 'no error';
    });
    is(again, 'no error', 'the script does not remove the element of a script that evaluates it');
    checked = await inRound();
    ok(checked <= 2, 'and does not start twice', checked);

    // A page saved with the element, with another version.
    const copy = '<script src="/.well-known/tinyhttpd/live.js" data-etag=\'"old"\'></script>';
    write('saved.html', html('saved') + copy);
    await page.goto(`${site}/saved.html`);
    await mark(page);
    await settle();
    checked = await inRound();
    ok(await marked(page), 'a page with the element twice does not reload without a change');
    ok(checked <= 5, '... and checks itself once in a round', checked);
    is(await page.evaluate(() => [...document.querySelectorAll('script')].map(one => one.dataset.etag)), ['"old"'],
        "... the file's own element stays, the server's is removed");
    write('saved.html', html('saved again') + copy);
    ok(await shows(page, 'saved again'), '... and is shown when it is edited');

    // A listing, sorted by size.
    await page.complaints(); // of documents without a type, or an icon
    mkdirSync(join(root, 'folder'));
    write('folder/one.txt', '1');
    await page.goto(`${site}/folder/?sort=size&order=desc`);
    const rows = () => page.evaluate(() =>
        [...document.querySelectorAll('tbody:last-of-type a')].map(link => link.textContent));
    is(await rows(), ['one.txt'], 'a listing');
    await mark(page);
    const asked = () => heads.filter(head => head.startsWith('HEAD /folder/')).length;
    ok(await soon(() => asked() >= 3, within), '... checks itself');
    ok(await marked(page), '... does not reload without a change');
    write('folder/two.txt', '22');
    ok(await soon(async () => (await rows()).length === 2, within), '... shows a new file');
    is(await rows(), ['two.txt', 'one.txt'], '... in its order');
    const before = asked();
    await soon(() => asked() >= before + 2, within);
    write('folder/one.txt', '333');
    ok(await soon(async () => (await rows())[0] === 'one.txt', within), '... and a new size');
    is(await page.complaints() ?? [], [], '... without a message in the console');

    // The application at an unknown address.
    const { url: app, heads: ofApp } = await relay((await serve(root, '--watch', '--spa')).url);
    await page.goto(`${app}/packages/chart.js`);
    is(await page.text('p'), 'three', '--spa: the application at an address that looks like a script');
    await mark(page);
    ok(await soon(() => ofApp.filter(head => head.startsWith('HEAD /packages/chart.js ')).length >= 3, within),
        '... checks itself');
    ok(await marked(page), '... does not reload without a change');
    write('index.html', html('four'));
    ok(await shows(page, 'four'), '... and reloads with the application');

    // Back, from the engine's cache of pages or not: what was edited meanwhile is shown.
    await page.goto(`${site}/`);
    await settle();
    await page.goto(`${site}/frag.html`);
    write('index.html', html('five'));
    await page.back();
    ok(await shows(page, 'five'), 'a page that was edited meanwhile is shown when one goes back to it');

    await page.complaints();
    await page.goto(`${site}/later.html`);
    is(await page.text('h1'), '404 Not Found', 'a missing page: 404');
    const later = () => heads.filter(head => head.startsWith('HEAD /later.html ')).length;
    ok(await soon(() => later() >= 2, within), 'a missing page checks itself');
    write('later.html', html('here'));
    ok(await shows(page, 'here'), 'a missing page is shown when it is created');
    const complaints = await page.complaints() ?? [];
    is(complaints.filter(one => !one.includes('status of 404 ')), [],
        'a missing page: no message in the console but that of the 404');
    ok(complaints.length <= 1, 'a missing page: one message in the console', complaints.join('; '));

    renameSync(root, `${root}.away`);
    ok(await soon(async () => await count(page, 'html > output') === 1, within),
        'the root is missing: the page says so');
    renameSync(`${root}.away`, root);
    ok(await soon(async () => await count(page, 'output') === 0, within),
        'the root is there again: the notice is gone');

    const targets = () => watched.log().split('\n').filter(Boolean).map(line => JSON.parse(line));
    ok(await soon(() => targets().some(({ target }) => target === '/style.css?v=1'), within),
        'requests of pages are logged');
    is(targets().filter(({ method, target }) => method === 'HEAD' || target.includes('live.js')), [],
        'the script and its checks are not logged');
});
