// Every page that comes with the server, and those that it makes itself: nothing in the console, nothing that can't be
// loaded, nothing wider than the window; in both colour schemes, on a desk and on a phone. Pictures are there to be
// looked at.
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { is, ok, pictures, run } from './lib/browser.mjs';

const www = resolve('www');
const widths = { desk: { viewport: { width: 1000, height: 760 } },
    phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true } };

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
        const [r, g, b] = colour.map(part => part / 255).map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const grounds = element => element ? [...grounds(element.parentElement), getComputedStyle(element).backgroundColor] : [];
    let least = { ratio: 21, text: '' };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let text; (text = texts.nextNode());) {
        const element = text.parentElement;
        if (!text.data.trim() || element.matches('script,style') || !element.checkVisibility()) continue;
        const ground = grounds(element);
        const [a, b] = [light(paint(ground)), light(paint([...ground, getComputedStyle(element).color]))].sort((x, y) => x - y);
        const ratio = (b + 0.05) / (a + 0.05);
        if (ratio < least.ratio) least = { ratio, text: text.data.trim() };
    }
    return least;
}

async function lookOnce(page, url, what, status) {
    const failed = [];
    page.on('response', answer => answer.status() >= 400 && answer.url() !== url && failed.push(answer.url()));
    // Chromium reports a HEAD request as aborted if no script reads its (empty) body.
    page.on('requestfailed', request => request.method() !== 'HEAD' && failed.push(request.url()));
    const answer = await page.goto(url, { waitUntil: 'networkidle' });
    is([answer.status(), failed], [status, []], `${what}: ${status}, and everything that it loads exists`);
    // The browser itself reports the page's own error status.
    const complaints = page.complaints.filter(text => status < 400 || !text.includes(`status of ${status} `));
    is(complaints, [], `${what}: no error, no warning in the console`);
    const extent = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    ok(extent[0] <= extent[1], `${what}: no wider than the window`, extent.join(' > '));
    const least = await page.evaluate(leastContrast);
    ok(least.ratio >= 4.5, `${what}: every text has contrast`, `${least.ratio.toFixed(2)}: ${least.text}`);
    await page.screenshot({ path: join(pictures, `${what.replace(/\W+/g, '-')}.png`), fullPage: true });
    await page.close();
}

// All four in parallel, as most of the time is waiting.
function look(open, url, name, status) {
    const ways = ['light', 'dark'].flatMap(colorScheme => Object.keys(widths).map(width => [colorScheme, width]));
    return Promise.all(ways.map(async ([colorScheme, width]) =>
        lookOnce(await open({ colorScheme, ...widths[width] }), url, `${name}, ${colorScheme}, ${width}`, status)));
}

run(async ({ root, serve, serveFolder, open }) => {
    const site = await serveFolder(www);
    for (const file of readdirSync(www, { recursive: true }).filter(file => file.endsWith('.html')).sort())
        await look(open, `${site}/${file}`, `www ${file}`, 200);
    await look(open, `${site}/nothing/here`, 'www missing', 404);

    for (const folder of ['photos/2025', 'docs']) mkdirSync(join(root, folder), { recursive: true });
    const names = ['README.md', 'a name that is so long that no column is wide enough for it, least of all on a phone.pdf', 'x'.repeat(120)];
    for (const name of names) writeFileSync(join(root, 'photos', name), name);
    mkdirSync(join(root, 'closed'));
    chmodSync(join(root, 'closed'), 0);
    const own = await serve();
    await look(open, `${own}/`, 'listing', 200);
    await look(open, `${own}/photos/?sort=size&order=desc`, 'listing below', 200);
    await look(open, `${own}/docs/`, 'listing empty', 200);
    await look(open, `${own}/photos/readme.md`, 'error 404', 404);
    await look(open, `${own}/%`, 'error 400', 400);
    const plain = await serve('--no-list');
    await look(open, `${plain}/photos/`, 'error without listing', 404);
});
