// For the browser tests: a server on a free port, headless Chromium driven by playwright-core, TAP. PLAYWRIGHT names a
// folder with node_modules, CHROMIUM the program; without them a test is skipped with the reason.
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const program = resolve(process.env.TINYHTTPD || 'tinyhttpd');
export const pictures = resolve(process.env.PICTURES || 'build/browser');

let points = 0, failed = 0;
const servers = [];

export function ok(holds, name, detail) {
    points++;
    if (!holds) failed++;
    console.log(`${holds ? 'ok' : 'not ok'} ${points} - ${name}`);
    if (!holds && detail !== undefined) console.log(`# ${detail}`);
}

export function is(got, expected, name) {
    const [a, b] = [JSON.stringify(got), JSON.stringify(expected)];
    ok(a === b, name, `got ${a}, expected ${b}`);
}

export function skip(name, reason) {
    console.log(`ok ${++points} - ${name} # SKIP ${reason}`);
}

// Polls until `holds()` is true; false if it is not within `milliseconds`.
export async function soon(holds, milliseconds) {
    for (const end = Date.now() + milliseconds; Date.now() < end; await new Promise(done => setTimeout(done, 50)))
        if (await holds().catch(() => false)) return true; // a page can't be evaluated while it reloads
    return false;
}

export function findPlaywright() {
    for (const folder of [process.env.PLAYWRIGHT, '.', 'build/deps'].filter(Boolean)) {
        try {
            return createRequire(join(resolve(folder), 'package.json'))('playwright-core');
        } catch (error) {
            if (error.code !== 'MODULE_NOT_FOUND') throw error;
        }
    }
    return null;
}

export function findChromium() {
    const folders = (process.env.PATH || '').split(':');
    const names = ['chromium', 'chromium-browser', 'google-chrome'];
    return [process.env.CHROMIUM, ...folders.flatMap(folder => names.map(name => join(folder, name)))]
        .find(path => path && existsSync(path));
}

// Allows Chromium to run as root, and stops its own network requests.
export const chromiumArguments = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'];

// Starts the server. Returns its URL without the final slash, a function for its log so far, and one that ends it and
// returns its exit status.
export async function startServer(root, args) {
    const server = spawn(program, ['-r', root, '-p', '0', '-b', '127.0.0.1', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = new Promise(done => server.on('exit', done));
    let banner = '', logged = '';
    server.stdout.on('data', bytes => { logged += bytes; });
    const url = await new Promise((done, fail) => {
        server.stderr.on('data', bytes => {
            banner += bytes;
            const found = banner.match(/http:\/\/[^\s/]+:(\d+)\//);
            if (found) done(`http://localhost:${found[1]}`);
        });
        ended.then(() => fail(new Error(`the server ended: ${banner}`)));
        setTimeout(() => fail(new Error('the server did not start')), 20000).unref();
    });
    const stop = () => { server.kill(); return ended; };
    servers.push({ url, stop, log: () => logged });
    return servers.at(-1);
}

export async function stopServers() {
    for (const server of servers) await server.stop();
}

export function startBrowser() {
    return findPlaywright().chromium.launch({ executablePath: findChromium(), args: chromiumArguments });
}

// Returns a page, whose `page.complaints` are the errors and warnings in its console.
export async function openPage(browser, options) {
    const page = await browser.newPage({ viewport: { width: 1000, height: 760 }, ...options });
    page.complaints = [];
    page.setDefaultTimeout(15000);
    page.on('console', message => ['error', 'warning'].includes(message.type()) && page.complaints.push(message.text()));
    page.on('pageerror', error => page.complaints.push(String(error)));
    return page;
}

// Prints the plan, and sets the exit status.
export function done() {
    console.log(`1..${points}`);
    process.exitCode = failed ? 1 : 0;
}

// Runs `test` with an empty folder (`root`); `serve(...args)` serves it and returns the URL, `serveFolder(folder,
// ...args)` another folder; `log(url)` is that server's log; `open(options)` is openPage.
export async function run(test) {
    const playwright = findPlaywright(), chromium = findChromium();
    if (!playwright || !chromium) {
        console.log(`1..0 # SKIP ${playwright ? 'no Chromium: apt install chromium' : 'no playwright-core: npm install playwright-core'}`);
        return;
    }
    mkdirSync(pictures, { recursive: true });
    const root = mkdtempSync(join(tmpdir(), 'tinyhttpd-browser-'));
    chmodSync(root, 0o755); // the server may run as another user
    const browser = await startBrowser();
    const serveFolder = async (folder, ...args) => (await startServer(folder, args)).url;
    const serve = (...args) => serveFolder(root, ...args);
    const log = url => servers.find(server => server.url === url).log();
    const open = options => openPage(browser, options);
    const late = setTimeout(() => { console.log('Bail out! the time is over'); process.exit(1); }, 180000);
    try {
        await test({ root, serve, serveFolder, log, open });
    } catch (error) {
        ok(false, 'runs to its end', String(error.stack).replaceAll('\n', '\n# '));
    } finally {
        clearTimeout(late);
        await browser.close();
        await stopServers();
        rmSync(root, { recursive: true, force: true });
    }
    done();
}
