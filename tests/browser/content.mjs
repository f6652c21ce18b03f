// Content with strict requirements in browsers: seeking in a video, modules, WebAssembly, fonts. With a wrong media
// type or without ranges a browser refuses it, or it works worse.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { is, ok, skip, soon } from './lib/browser.mjs';
import { run } from './lib/engines.mjs';

// Makes a video of half a minute with a key frame each second, so that a seek need not read the part before it; noise
// makes it too large for a browser's first request. Returns null, or the reason for failing.
function makeVideo(path) {
    const source = ['-f', 'lavfi', '-i', 'color=gray:size=160x120:rate=10:duration=30,noise=alls=100:allf=t'];
    const coded = ['-c:v', 'libvpx', '-b:v', '4M', '-minrate', '4M', '-deadline', 'realtime', '-cpu-used', '8',
        '-g', '10'];
    const made = spawnSync('ffmpeg', ['-v', 'error', ...source, ...coded, path], { encoding: 'utf8', timeout: 30000 });
    if (made.error?.code === 'ENOENT') return 'no ffmpeg: apt install ffmpeg';
    if (made.error) return `ffmpeg: ${made.error.code}`;
    return made.status === 0 ? null : `ffmpeg can't make WebM: ${made.stderr.split('\n')[0]}`;
}

// (module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))
const wasm = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0, // magic, version
    1, 7, 1, 0x60, 2, 0x7f, 0x7f, 1, 0x7f, // a type: two i32 to one
    3, 2, 1, 0, // a function of this type
    7, 7, 1, 3, 0x61, 0x64, 0x64, 0, 0, // exported as "add"
    10, 9, 1, 7, 0, 0x20, 0, 0x20, 1, 0x6a, 11); // its body

function findFont() {
    for (const name of ['truetype', 'dejavu', 'TTF', '']) {
        const folder = join('/usr/share/fonts', name);
        if (!existsSync(folder)) continue;
        const found = readdirSync(folder, { recursive: true }).find(name => name.endsWith('.ttf'));
        if (found) return join(folder, found);
    }
    return null;
}

// The seek is to a part that can't have come yet, as the server is slow.
async function seekVideo({ root, serve, relay, page }, size) {
    const { url, requests } = await serve(root, '--slow=8M'), { url: site, heads } = await relay(url);
    await page.goto(`${site}/video.html`);
    await page.send('SetTimeouts', { script: 50000 });
    const there = await page.evaluate(() => new Promise((done, fail) => {
        const video = document.querySelector('video');
        video.onerror = () => fail(new Error(video.error.message));
        video.onloadedmetadata = () => { video.currentTime = 25; };
        video.onseeked = () => done({ time: video.currentTime, duration: Math.round(video.duration),
            state: video.readyState });
        video.src = 'film.webm';
    }));
    is([there.time, there.duration], [25, 30], 'seeking in a video: currentTime moves');
    ok(there.state >= 2, 'the seek reaches a frame', `readyState ${there.state}`);
    const ranges = () => heads.filter(head => head.startsWith('GET /film.webm '))
        .map(head => head.match(/^range: *bytes=(\d+)-/im)?.[1]);
    ok(ranges().some(first => Number(first) > size / 2), 'a request for its second half was made',
        JSON.stringify(ranges()));
    await page.goto('about:blank'); // ends the responses under way, which are in the log then
    const statuses = () => requests().filter(([, target]) => target === '/film.webm').map(([status]) => status).sort();
    ok(await soon(() => statuses().length === ranges().length, 20000), 'each request for the video is in the log');
    is(statuses(), ranges().map(first => first ? 206 : 200).sort(), '... with 206 if it names a range');
}

run(async context => {
    const { root, serve, page } = context;
    const write = (name, text) => writeFileSync(join(root, name), text);
    const html = body => `<!doctype html><title>Content</title><link rel=icon href=data:,>${body}`;
    write('video.html', html('<video muted width=160></video>'));
    write('module.html', html('<script type=module src=main.mjs></script>'));
    write('main.mjs', "import { sum } from './more.js';\ndocument.title = `Module ${sum(2, 3)}`;\n");
    write('more.js', 'export const sum = (a, b) => a + b;\n');
    write('add.wasm', wasm);
    write('plain.html', html('<p>Some text.'));
    const font = findFont(), without = makeVideo(join(root, 'film.webm'));
    if (font) {
        copyFileSync(font, join(root, 'face.ttf'));
        write('font.html', html('<style>@font-face{font-family:Served;src:url(face.ttf)}p{font-family:Served}</style>' +
            '<p>Some text.'));
    }

    if (without) skip('seeking in a video', without);
    else await seekVideo(context, statSync(join(root, 'film.webm')).size);

    const { url: site } = await serve(root);
    await page.goto(`${site}/module.html`);
    ok(await soon(() => page.evaluate(() => document.title === 'Module 5'), 20000),
        'a module script runs, with one that it imports');
    await page.goto(`${site}/plain.html`);
    is(await page.evaluate(async () => {
        const { instance } = await WebAssembly.instantiateStreaming(fetch('add.wasm'));
        return instance.exports.add(40, 2);
    }), 42, 'WebAssembly is instantiated while it comes');
    if (font) {
        await page.goto(`${site}/font.html`);
        is(await page.evaluate(() => document.fonts.load('16px Served').then(faces => faces.map(face => face.status))),
            ['loaded'],
            'a web font is loaded');
    } else {
        skip('a web font is loaded', 'no TrueType font below /usr/share/fonts: apt install fonts-dejavu-core');
    }
    is(await page.complaints() ?? [], [], 'no complaint in the console');
});
