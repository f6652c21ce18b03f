// For tests in browsers: a server on a free port, TAP; headless Chromium driven by playwright-core, for tests/sites and
// share/screenshots. PLAYWRIGHT names a folder with node_modules, CHROMIUM the program.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { join, resolve } from 'node:path';

const program = resolve(process.env.TINYHTTPD || 'tinyhttpd');

let points = 0, failed = 0, subject = '';
const servers = [];
process.on('exit', () => servers.forEach(({ stop }) => stop())); // those that an error or a signal left

// The points from now on are about `name`.
export function about(name) { subject = `${name}: `; }

export function ok(holds, name, detail) {
    points++;
    if (!holds) failed++;
    console.log(`${holds ? 'ok' : 'not ok'} ${points} - ${subject}${name}`);
    if (!holds && detail !== undefined) console.log(`# ${detail}`);
}

export function is(got, expected, name) {
    const [a, b] = [JSON.stringify(got), JSON.stringify(expected)];
    ok(a === b, name, `got ${a}, expected ${b}`);
}

export function skip(name, reason) {
    console.log(`ok ${++points} - ${subject}${name} # SKIP ${reason}`);
}

// Polls until `holds()` is true; false if it is not within `milliseconds`.
export async function soon(holds, milliseconds) {
    for (const end = Date.now() + milliseconds; Date.now() < end; await new Promise(done => setTimeout(done, 50)))
        if (await (async () => holds())().catch(() => false)) return true; // a page can't be evaluated while it reloads
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

// Starts the server. Returns its URL without the final slash, functions for its log and standard error so far, and one
// that ends it and returns its exit status.
export async function startServer(root, args) {
    const stdio = ['ignore', 'pipe', 'pipe'];
    const server = spawn(program, ['-r', root, '-p', '0', '-b', '127.0.0.1', ...args], { stdio });
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
    const started = { url, stop, log: () => logged, errors: () => banner };
    servers.push(started);
    return started;
}

export async function stopServers() {
    for (const server of servers.splice(0)) await server.stop();
}

// Passes connections on to the server at `url`. Returns its own URL and the heads of the requests so far.
export async function startRelay(url) {
    const heads = [], sockets = new Set();
    const relay = createServer(client => {
        const server = connect(new URL(url).port, '127.0.0.1');
        let received = '';
        client.on('data', bytes => {
            const parts = (received + bytes.toString('latin1')).split('\r\n\r\n'); // no request has a body
            received = parts.pop();
            heads.push(...parts);
        });
        for (const [from, to] of [[client, server], [server, client]]) {
            sockets.add(from);
            from.on('error', () => to.destroy()).on('close', () => { sockets.delete(from); to.destroy(); }).pipe(to);
        }
    });
    await new Promise(done => relay.listen(0, '127.0.0.1', done));
    servers.push({ stop: () => { relay.close(); sockets.forEach(one => one.destroy()); } });
    return { url: `http://localhost:${relay.address().port}`, heads };
}

export function startBrowser() {
    return findPlaywright().chromium.launch({ executablePath: findChromium(), args: chromiumArguments });
}

// Returns a page, whose `page.complaints` are the errors and warnings in its console.
export async function openPage(browser, options) {
    const page = await browser.newPage({ viewport: { width: 1000, height: 760 }, ...options });
    page.complaints = [];
    page.setDefaultTimeout(15000);
    page.on('console', message =>
        ['error', 'warning'].includes(message.type()) && page.complaints.push(message.text()));
    page.on('pageerror', error => page.complaints.push(String(error)));
    return page;
}

// Prints the plan, and sets the exit status.
export function done() {
    console.log(`1..${points}`);
    process.exitCode = failed ? 1 : 0;
}
