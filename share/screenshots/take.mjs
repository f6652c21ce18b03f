// Takes the pictures of README.md and share/doc/options.md (`make screenshots`): a listing in both colour schemes, and
// the server's output on a terminal. Server, pseudo-terminal and browser are real; only the files are made up.
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromiumArguments, findChromium, findPlaywright, soon } from '../../tests/browser/lib/browser.mjs';

const program = resolve(process.env.TINYHTTPD || 'tinyhttpd');
const here = dirname(fileURLToPath(import.meta.url));
const largest = 60000; // bytes: a README is read over slow networks, too
const url = 'http://localhost:8080';

// name -> bytes, days before the end of 2025
const files = { 'CHANGELOG.md': [5321, 3], 'index.js': [18204, 9], 'lesson 2.mp4': [48213004, 40], 'lesson 10.mp4': [61402113, 12],
    'notes.txt': [902, 1], 'README.md': [3377, 9], 'slides.pdf': [2310442, 31], 'app/index.html': [1710, 2], 'app/style.css': [4422, 2],
    'photos/coast.jpg': [381220, 88], 'tools/build.sh': [620, 60] };

function fill(root) {
    const end = Date.UTC(2025, 11, 31, 16, 20) / 1000, folders = new Map();
    Object.entries(files).forEach(([name, [bytes, days]], i) => {
        const path = join(root, name), folder = dirname(path), time = end - days * 86400 - i * 4321;
        mkdirSync(folder, { recursive: true });
        if (name.endsWith('.html')) {
            writeFileSync(path, '<!doctype html><title>App</title><link rel="icon" href="data:,"><link rel="stylesheet" href="style.css"><p>Hello.'.padEnd(bytes));
        } else {
            const file = openSync(path, 'w');
            ftruncateSync(file, bytes); // a hole: nothing is written
            closeSync(file);
        }
        utimesSync(path, time, time);
        folders.set(folder, Math.max(time, folders.get(folder) || 0));
    });
    for (const [folder, time] of folders) utimesSync(folder, time, time);
}

// Starts the server on a terminal of script(1). Returns its output and a function that ends it.
async function start(parent) {
    const environment = { ...process.env, TERM: 'xterm-256color', PATH: `${dirname(program)}:${process.env.PATH}` };
    delete environment.NO_COLOR;
    const server = spawn('script', ['-qefc', 'stty cols 100; exec tinyhttpd -p 8080 site', '/dev/null'],
        { cwd: parent, env: environment, stdio: ['pipe', 'pipe', 'inherit'] });
    const shown = { text: '' };
    server.stdout.on('data', bytes => { shown.text += bytes; });
    if (!await soon(async () => shown.text.includes('Ctrl-C') && (await fetch(`${url}/.well-known/tinyhttpd/health`)).ok, 5000)) {
        server.kill();
        throw new Error(`the server did not start: ${shown.text}`);
    }
    const stop = () => new Promise(done => { server.on('exit', done); server.stdin.write('\x03'); }); // Ctrl-C
    return { shown, stop };
}

const escaped = text => text.replace(/[&<]/g, byte => ({ '&': '&amp;', '<': '&lt;' })[byte]);

// Terminal output as HTML: the few SGR sequences (ECMA-48 8.3.117) that the program uses.
function htmlOf(text) {
    const classes = { 1: 'bold', 2: 'dim', 31: 'red', 32: 'green', 33: 'yellow', 36: 'cyan' };
    let open = false;
    return text.replaceAll('\r', '').split(/(\x1b\[[\d;]*m)/).map(part => {
        const code = part.match(/^\x1b\[(\d*)m$/);
        if (!code) return escaped(part);
        const before = open ? '</span>' : '';
        open = code[1] in classes;
        return before + (open ? `<span class="${classes[code[1]]}">` : '');
    }).join('') + (open ? '</span>' : '');
}

const terminalPage = text => `<!doctype html><meta charset="utf-8"><style>
body{margin:0;background:#fff}
pre{box-sizing:border-box;width:1000px;margin:0;padding:18px 24px 20px;background:#15171b;color:#e6e8eb;font:15px/1.5 "DejaVu Sans Mono",monospace}
.bold{font-weight:700}.dim{color:#98a1ad}.red{color:#ff8a80}.green{color:#81c995}.yellow{color:#fdd663}.cyan{color:#8ab4f8}
</style><pre><span class="green">$</span> tinyhttpd -p 8080 site
${htmlOf(text).replace(/\n+$/, '')}</pre>`;

// Combines two pictures of one page, so that a part of each is visible.
const pairPage = pictures => `<!doctype html><style>body{margin:0;display:grid}img{grid-area:1/1}
img+img{clip-path:polygon(56.5% 0,100% 0,100% 100%,44% 100%)}</style>${
    pictures.map(bytes => `<img src="data:image/png;base64,${bytes.toString('base64')}" alt="">`).join('')}`;

// Text on a plain background needs few colours; if ffmpeg is installed, it halves the size of the browser's PNG.
function save(name, bytes) {
    const path = join(here, name);
    writeFileSync(path, bytes);
    const palette = 'split[a][b];[a]palettegen=max_colors=128:reserve_transparent=0[p];[b][p]paletteuse=dither=none';
    const shrunk = spawnSync('ffmpeg', ['-v', 'error', '-i', path, '-vf', palette, '-compression_level', '9', '-pred', 'none',
        '-f', 'image2pipe', '-c:v', 'png', '-']);
    if (shrunk.status === 0 && shrunk.stdout.length < bytes.length) writeFileSync(path, shrunk.stdout);
    const { size } = statSync(path);
    console.log(`${path}: ${size} bytes`);
    if (size > largest) throw new Error(`${name} is larger than ${largest} bytes${shrunk.error ? ': apt install ffmpeg' : ''}`);
}

async function take(browser, parent) {
    const server = await start(parent);
    const parts = [];
    try {
        for (const colorScheme of ['light', 'dark']) {
            const page = await browser.newPage({ viewport: { width: 1000, height: 560 }, colorScheme });
            await page.goto(`${url}/course/`);
            parts.push(await page.screenshot());
            await page.close();
        }
        const visitor = await browser.newPage();
        for (const path of ['/course/app/', '/course/readme.md', '/corse/', '/course/readme.md']) await visitor.goto(url + path).catch(() => {});
        await visitor.close();
        await soon(async () => server.shown.text.split('/course/readme.md').length > 2, 3000);
    } finally {
        await server.stop();
    }
    const page = await browser.newPage({ viewport: { width: 1000, height: 300 } });
    await page.setContent(pairPage(parts));
    save('listing.png', await page.screenshot({ fullPage: true }));
    await page.setContent(terminalPage(server.shown.text));
    save('terminal.png', await page.screenshot({ fullPage: true }));
}

const playwright = findPlaywright(), chromium = findChromium();
if (!playwright || !chromium) {
    console.error(playwright ? 'screenshots: no Chromium: apt install chromium' : 'screenshots: no playwright-core: npm install playwright-core, or PLAYWRIGHT=FOLDER');
    process.exit(1);
}
const parent = join(tmpdir(), 'demo'); // the picture shows this path
process.umask(0o022); // the workers may run as another user
mkdirSync(parent);
const browser = await playwright.chromium.launch({ executablePath: chromium, args: [...chromiumArguments, '--disable-lcd-text'] });
try {
    fill(join(parent, 'site', 'course'));
    await take(browser, parent);
} finally {
    await browser.close();
    rmSync(parent, { recursive: true, force: true });
}
