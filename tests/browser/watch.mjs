// --watch in an open page: what is edited on disk is seen in it within two seconds, in place where it is a stylesheet, and
// nothing else of the page is touched.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { is, ok, run, soon } from './lib/browser.mjs';

const within = 2000; // milliseconds

const svg = width => `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="1"/>`;
const html = text => '<!doctype html><html lang="en"><title>Watched</title><link rel="icon" href="data:,">' +
    `<link rel="stylesheet" href="style.css?v=1"><p>${text}</p><img src="dot.svg" alt="">`;
const paint = page => page.evaluate(() => getComputedStyle(document.querySelector('p')).color);
const text = page => page.textContent('p');

// A variable that a reload would take away.
const mark = page => page.evaluate(() => { window.unloaded = false; });
const marked = page => page.evaluate(() => window.unloaded === false);

// The questions of the script, counted.
function countQuestions(page) {
    const count = { asked: 0 };
    page.on('request', request => { count.asked += 'tinyhttpd-live' in request.headers(); });
    return count;
}

// Hides the tab as far as a page can tell: headless Chromium shows all of its tabs.
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
    ok(await soon(async () => questions.asked >= 6, 5000), 'a page that is seen asks for itself and what it has loaded');
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
        ok(await soon(async () => await paint(page) === `rgb(${shade}, ${shade}, ${shade})`, within), `a stylesheet is edited: seen (${shade})`);
    }
    ok(await marked(page), 'without a reload');
    await wait(100);
    is(await page.$$eval('link[rel=stylesheet]', all => all.length), 1, 'and the one before has gone');

    write('index.html', html('two'));
    ok(await soon(async () => await text(page) === 'two', within), 'a page is edited: seen');
    ok(!await marked(page), 'by a reload');
    is(await paint(page), 'rgb(3, 3, 3)', 'its style is the last one');

    await page.waitForLoadState();
    await wait(600); // the new page has asked once
    write('dot.svg', svg(7));
    ok(await soon(async () => await page.$eval('img', image => image.naturalWidth) === 7, within), 'an image is changed: seen');

    await page.waitForLoadState();
    await wait(600);
    await mark(page);
    const before = questions.asked;
    await wait(1200);
    ok(questions.asked > before, 'where nothing changes it goes on asking');
    ok(await marked(page), 'and does not reload');
    await showTab(page, 'hidden');
    await wait(1000); // the round under way ends
    const hidden = questions.asked;
    write('index.html', html('three'));
    await wait(1500);
    is(questions.asked, hidden, 'a tab that is hidden asks nothing');
    ok(await marked(page), 'and stays as it is');
    await showTab(page, 'visible');
    ok(await soon(async () => await text(page) === 'three', within), 'until it is seen again');
    is(page.complaints, [], 'no complaint in the console');

    // The timeline of a page that is open for long is full.
    await page.evaluate(async () => {
        for (let i = 0; i < 260; i++) await fetch(`/?${i}`);
        document.body.append(Object.assign(new Image, { src: 'late.svg' }));
    });
    await wait(1200);
    await mark(page);
    write('late.svg', svg(5));
    ok(await soon(async () => !await marked(page), within), 'what is loaded late is watched, too');
    await page.waitForLoadState();
    await page.evaluate(async () => {
        for (let i = 0; i < 20; i++) await fetch(`/style.css?${i}`);
    });
    await wait(600);
    questions.asked = 0;
    await wait(1200);
    ok(questions.asked <= 3 * 4, 'and a file is asked for once, whatever its queries are', questions.asked);

    const missing = await open(), ours = countQuestions(missing);
    await missing.goto(`${site}/later.html`);
    is(await missing.textContent('h1'), '404 Not Found', 'a page that is not there');
    ok(await soon(async () => ours.asked >= 2, 5000), 'asks as well');
    write('later.html', html('here'));
    ok(await soon(async () => await text(missing) === 'here', within), 'and is seen as soon as it is');
    is(missing.complaints.filter(one => !one.includes('status of 404 ')), [], 'no complaint in the console but that of the 404');
    ok(missing.complaints.length <= 1, 'which is there once', missing.complaints.join('; '));

    await wait(300); // the log is written in batches
    ok(/"GET \/style\.css\?v=1 /.test(log(site)), 'what pages load is logged');
    is(log(site).split('\n').filter(line => /"HEAD |live\.js/.test(line)), [], 'the script and its questions are not');
});
