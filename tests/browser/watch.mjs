// --watch in an open page: it shows an edited file within two seconds. A stylesheet is replaced in place, other files
// reload the page.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { is, ok, run, soon } from './lib/browser.mjs';

const within = 2000; // milliseconds

const svg = width => `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="1"/>`;
const html = text => '<!doctype html><html lang="en"><title>Watched</title><link rel="icon" href="data:,">' +
    `<link rel="stylesheet" href="style.css?v=1"><p>${text}</p><img src="dot.svg" alt="">`;
const paint = page => page.evaluate(() => getComputedStyle(document.querySelector('p')).color);
const text = page => page.textContent('p');

// Sets a variable that a reload would remove.
const mark = page => page.evaluate(() => { window.unloaded = false; });
const marked = page => page.evaluate(() => window.unloaded === false);

// Counts the script's checks.
function countQuestions(page) {
    const count = { asked: 0 };
    page.on('request', request => { count.asked += 'tinyhttpd-live' in request.headers(); });
    return count;
}

// Makes the page believe that its tab is hidden, as headless Chromium shows all tabs.
const showTab = (page, state) => page.evaluate(state => {
    Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
    Object.defineProperty(document, 'hidden', { value: state !== 'visible', configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
}, state);

const wait = milliseconds => new Promise(done => setTimeout(done, milliseconds));

run(async ({ root, serve, log, open }) => {
    const write = (name, content) => writeFileSync(join(root, name), content);
    write('index.html', html('one'));
    write('style.css', 'p { color: rgb(1, 1, 1) }\n');
    write('dot.svg', svg(1));
    write('late.svg', svg(1));
    const site = await serve('--watch'), without = await serve();

    const page = await open(), questions = countQuestions(page);
    await page.goto(`${site}/`);
    ok(await soon(async () => questions.asked >= 6, 5000), 'a visible page checks itself and the files that it has loaded');
    is(await page.$$eval('script', all => all.length), 0, 'its element is gone');
    const names = () => Object.getOwnPropertyNames(window);
    const added = await page.evaluate(names);
    const plain = await open();
    await plain.goto(`${without}/`);
    const usual = new Set(await plain.evaluate(names));
    is(added.filter(name => !usual.has(name)), [], 'and no global name has come');
    const markup = () => document.documentElement.outerHTML.replace(/\s+<\/body>/, '</body>'); // it stood on a line of its own
    is(await page.evaluate(markup), await plain.evaluate(markup), 'the document is what it is without --watch');
    await plain.close();

    await mark(page);
    await page.evaluate(() => { window.shift = document.querySelector('p'); });
    for (const shade of [2, 3]) {
        write('style.css', `p { color: rgb(${shade}, ${shade}, ${shade}) }\n`);
        ok(await soon(async () => await paint(page) === `rgb(${shade}, ${shade}, ${shade})`, within), `an edited stylesheet is shown (${shade})`);
    }
    ok(await marked(page), 'an edited stylesheet: no reload');
    await wait(100);
    is(await page.$$eval('link[rel=stylesheet]', all => all.length), 1, 'an edited stylesheet: the old link element is removed');

    write('index.html', html('two'));
    ok(await soon(async () => await text(page) === 'two', within), 'an edited page is shown');
    ok(!await marked(page), 'an edited page: by a reload');
    is(await paint(page), 'rgb(3, 3, 3)', 'an edited page: with the last stylesheet');

    await page.waitForLoadState();
    await wait(600); // the new page has made its first checks
    write('dot.svg', svg(7));
    ok(await soon(async () => await page.$eval('img', image => image.naturalWidth) === 7, within), 'a changed image is shown');

    await page.waitForLoadState();
    await wait(600);
    await mark(page);
    const before = questions.asked;
    await wait(1200);
    ok(questions.asked > before, 'without changes the page goes on checking');
    ok(await marked(page), 'without changes the page does not reload');
    await showTab(page, 'hidden');
    await wait(1000); // the round under way ends
    const hidden = questions.asked;
    write('index.html', html('three'));
    await wait(1500);
    is(questions.asked, hidden, 'a hidden tab makes no checks');
    ok(await marked(page), 'a hidden tab does not reload');
    await showTab(page, 'visible');
    ok(await soon(async () => await text(page) === 'three', within), 'a tab that becomes visible reloads');
    is(page.complaints, [], 'no message in the console');

    // The resource timeline of a page becomes full (250 entries).
    await page.evaluate(async () => {
        for (let i = 0; i < 260; i++) await fetch(`/?${i}`);
        document.body.append(Object.assign(new Image, { src: 'late.svg' }));
    });
    await wait(1200);
    await mark(page);
    write('late.svg', svg(5));
    ok(await soon(async () => !await marked(page), within), 'a file that is loaded late is watched, too');
    await page.waitForLoadState();
    await page.evaluate(async () => {
        for (let i = 0; i < 20; i++) await fetch(`/style.css?${i}`);
    });
    await wait(600);
    questions.asked = 0;
    await wait(1200);
    ok(questions.asked <= 3 * 4, 'a file that was loaded with many queries is checked once in a round', questions.asked);

    // Scripts fetch fragments, also jQuery's way: X-Requested-With, and scripts of the fragment evaluated.
    write('frag.html', '<p id="frag">fragment');
    const whole = await page.evaluate(async () => (await fetch('/frag.html', { headers: { Accept: 'text/html, */*; q=0.01' } })).text());
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
    questions.asked = 0;
    await wait(1200);
    ok(questions.asked <= 2 * 4, 'and does not start twice', questions.asked);

    // A page saved with the element, with another version.
    const copy = '<script src="/.well-known/tinyhttpd/live.js" data-etag=\'"old"\'></script>';
    write('saved.html', html('saved') + copy);
    await page.goto(`${site}/saved.html`);
    await mark(page);
    questions.asked = 0;
    await wait(1500);
    ok(await marked(page), 'a page with the element twice does not reload without a change');
    ok(questions.asked > 0 && questions.asked <= 3 * 5, '... and checks itself once in a round', questions.asked);
    is(await page.$$eval('script', all => all.map(one => one.dataset.etag)), ['"old"'], "... the file's own element stays, the server's is removed");
    write('saved.html', html('saved again') + copy);
    ok(await soon(async () => await text(page) === 'saved again', within), '... and is shown when it is edited');

    // A listing, sorted by size.
    mkdirSync(join(root, 'folder'));
    write('folder/one.txt', '1');
    const listing = await open();
    await listing.goto(`${site}/folder/?sort=size&order=desc`);
    const rows = () => listing.$$eval('tbody:last-of-type a', all => all.map(link => link.textContent));
    is(await rows(), ['one.txt'], 'a listing');
    await mark(listing);
    await wait(1000);
    ok(await marked(listing), '... does not reload without a change');
    write('folder/two.txt', '22');
    ok(await soon(async () => (await rows()).length === 2, within), '... shows a new file');
    is(await rows(), ['two.txt', 'one.txt'], '... in its order');
    await wait(600);
    write('folder/one.txt', '333');
    ok(await soon(async () => (await rows())[0] === 'one.txt', within), '... and a new size');
    is(listing.complaints, [], '... without a message in the console');

    // The application at an unknown address.
    const app = await serve('--watch', '--spa');
    await listing.goto(`${app}/packages/chart.js`);
    is(await text(listing), 'three', '--spa: the application at an address that looks like a script');
    await mark(listing);
    await wait(1200);
    ok(await marked(listing), '... does not reload without a change');
    write('index.html', html('four'));
    ok(await soon(async () => await text(listing) === 'four', within), '... and reloads with the application');

    const missing = await open(), ours = countQuestions(missing);
    await missing.goto(`${site}/later.html`);
    is(await missing.textContent('h1'), '404 Not Found', 'a missing page: 404');
    ok(await soon(async () => ours.asked >= 2, 5000), 'a missing page checks itself');
    write('later.html', html('here'));
    ok(await soon(async () => await text(missing) === 'here', within), 'a missing page is shown when it is created');
    is(missing.complaints.filter(one => !one.includes('status of 404 ')), [], 'a missing page: no message in the console but that of the 404');
    ok(missing.complaints.length <= 1, 'a missing page: one message in the console', missing.complaints.join('; '));

    renameSync(root, `${root}.away`);
    ok(await soon(async () => await missing.$('html > output') !== null, within), 'the root is missing: the page says so');
    renameSync(`${root}.away`, root);
    ok(await soon(async () => await missing.$('output') === null, within), 'the root is there again: the notice is gone');

    await wait(300); // the log is written in batches
    ok(/"GET \/style\.css\?v=1 /.test(log(site)), 'requests of pages are logged');
    is(log(site).split('\n').filter(line => /"HEAD |live\.js/.test(line)), [], 'the script and its checks are not logged');
});
