// The engines: how each is started and asked for its console; and a test's run in each of them. Each session has a
// folder of its own for profile, cache and temporary files; its processes end with it.
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { about, done, ok, skip, startRelay, startServer, stopServers } from './browser.mjs';
import { Page, overHttp, overMarionette } from './webdriver.mjs';

const pictures = resolve(process.env.PICTURES || 'build/browser');
const wide = { width: 1000, height: 760 }, narrow = { width: 390, height: 844 };
const started = new Set(); // process groups
const temporary = new Set(); // folders

const folders = (process.env.PATH || '').split(':');
const find = names => folders.flatMap(folder => names.map(name => join(folder, name))).find(existsSync);
const wait = milliseconds => new Promise(done => setTimeout(done, milliseconds));

function kill(group) {
    try {
        process.kill(-group, 'SIGKILL');
    } catch { /* it has ended */ }
    started.delete(group);
}

function makeFolder(name) {
    const folder = mkdtempSync(join(tmpdir(), name));
    temporary.add(folder);
    return folder;
}

function removeFolder(folder) {
    rmSync(folder, { recursive: true, force: true, maxRetries: 20 });
    temporary.delete(folder);
}

process.on('exit', () => {
    [...started].forEach(kill);
    [...temporary].forEach(removeFolder);
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));

// Starts a program in a process group of its own.
function start(program, args, environment, stdio = 'ignore') {
    const child = spawn(program, args, { detached: true, stdio, env: { ...process.env, ...environment } });
    child.on('error', () => {});
    if (child.pid) started.add(child.pid);
    return child;
}

// Polls until `value()` is there, at most a minute.
async function until(what, child, value) {
    for (const end = Date.now() + 300000; Date.now() < end; await wait(50)) {
        const found = await value();
        if (found) return found;
        if (child.exitCode !== null || child.signalCode) break;
    }
    throw new Error(`${what} does not start`);
}

function freePort() {
    return new Promise(done => {
        const server = createServer().listen(0, '127.0.0.1', () => {
            const { port } = server.address();
            server.close(() => done(port));
        });
    });
}

// Starts a driver that listens at the port that it is told.
async function startDriver(program, args, environment) {
    const port = await freePort(), address = `http://127.0.0.1:${port}`;
    const child = start(program, [`--port=${port}`, ...args], environment);
    await until(program, child, () => fetch(`${address}/status`).then(response => response.ok, () => false));
    return { child, send: overHttp(address) };
}

async function startChromium(folder, environment, { dark, phone, scripts }) {
    const { child, send } = await startDriver(find(['chromedriver']), [], environment);
    const args = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
        '--disable-background-networking', '--disable-component-update', '--disable-sync',
        `--user-data-dir=${join(folder, 'profile')}`,
        `--blink-settings=preferredColorScheme=${dark ? 0 : 1}`];
    const options = { binary: find(['chromium', 'chromium-browser', 'google-chrome']), args };
    if (phone) options.mobileEmulation = { deviceMetrics: { ...narrow, pixelRatio: 2, touch: true } };
    if (!scripts) options.prefs = { 'profile.managed_default_content_settings.javascript': 2 };
    const capabilities = { 'goog:chromeOptions': options, 'goog:loggingPrefs': { browser: 'ALL' } };
    await send('NewSession', { capabilities: { alwaysMatch: capabilities } });
    const complaints = async () => (await send('GetLog', { type: 'browser' }))
        .filter(({ level }) => ['WARNING', 'SEVERE'].includes(level)).map(({ message }) => message);
    return { children: [child], send, complaints };
}

// Messages of pages, not of Firefox itself: what its console service and the store of console.* calls have.
const firefoxConsole = `
    const calls = Cc['@mozilla.org/consoleAPI-storage;1'].getService(Ci.nsIConsoleAPIStorage);
    const messages = Services.console.getMessageArray().filter(one => one instanceof Ci.nsIScriptError)
        .filter(one => /^http:/.test(one.sourceName)).map(one => one.sourceName + ': ' + one.errorMessage);
    const called = calls.getEvents()
        .filter(one => ['error', 'warn', 'assert'].includes(one.level) && /^http:/.test(one.filename))
        .map(one => one.arguments.map(String).join(' '));
    Services.console.reset();
    calls.clearEvents();
    return [...messages, ...called];`;

async function startFirefox(folder, environment, { dark, scripts }) {
    const profile = join(folder, 'profile'), ready = join(profile, 'MarionetteActivePort');
    const preferences = { 'marionette.port': 0, 'layout.css.prefers-color-scheme.content-override': dark ? 0 : 1,
        'javascript.enabled': scripts, 'datareporting.policy.dataSubmissionEnabled': false,
        'app.normandy.enabled': false,
        'browser.safebrowsing.update.enabled': false, 'network.captive-portal-service.enabled': false,
        'network.connectivity-service.enabled': false, 'services.settings.server': 'data:,' };
    mkdirSync(profile);
    writeFileSync(join(profile, 'user.js'), Object.entries(preferences)
        .map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`).join(''));
    const child = start(find(['firefox-esr', 'firefox']),
        ['--headless', '--marionette', '--remote-allow-system-access', '--no-remote', '--profile', profile],
        { ...environment, MOZ_CRASHREPORTER_DISABLE: '1' });
    const port = await until('Firefox', child, () => existsSync(ready) && Number(readFileSync(ready, 'utf8')));
    const send = await overMarionette(port);
    await send('NewSession', { capabilities: { alwaysMatch: {} } });
    const complaints = async () => {
        await send('Marionette:SetContext', { value: 'chrome' });
        try {
            return await send('ExecuteScript', { script: firefoxConsole, args: [] });
        } finally {
            await send('Marionette:SetContext', { value: 'content' });
        }
    };
    return { children: [child], send, complaints };
}

async function startWebKit(folder, environment, { dark, scripts }) {
    const screen = start(find(['Xvfb']), ['-displayfd', '3', '-screen', '0', '1280x1024x24', '-nolisten', 'tcp'],
        environment, ['ignore', 'ignore', 'ignore', 'pipe']);
    let display = '';
    screen.stdio[3].on('data', bytes => { display += bytes; });
    await until('Xvfb', screen, () => display.endsWith('\n'));
    const { child, send } = await startDriver(find(['WebKitWebDriver']), ['--host=127.0.0.1'],
        { ...environment, WAYLAND_DISPLAY: '', DISPLAY: `:${display.trim()}`, GDK_BACKEND: 'x11',
            GTK_THEME: dark ? 'Adwaita:dark' : 'Adwaita',
            LIBGL_ALWAYS_SOFTWARE: '1', NO_AT_BRIDGE: '1' });
    const options = { args: ['--automation', `--enable-javascript=${scripts}`] };
    await send('NewSession', { capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': options } } });
    return { children: [child, screen], send, complaints: async () => null };
}

// `needs`: the programs, any of these names, and the Debian package that has them.
const engines = [
    { name: 'Chromium', start: startChromium, needs: [[['chromium', 'chromium-browser', 'google-chrome'], 'chromium'],
        [['chromedriver'], 'chromium-driver']] },
    { name: 'Firefox', start: startFirefox, needs: [[['firefox-esr', 'firefox'], 'firefox-esr']] },
    { name: 'WebKitGTK', start: startWebKit, needs: [[['WebKitWebDriver'], 'webkit2gtk-driver'], [['Xvfb'], 'xvfb']] },
];

// Starts a session. dark: the user prefers it; phone: as narrow as the engine's windows can be; scripts: they run.
async function openSession(engine, { dark = false, phone = false, scripts = true } = {}) {
    const folder = makeFolder('tinyhttpd-engine-');
    const environment = { HOME: folder, TMPDIR: folder, XDG_CACHE_HOME: folder, XDG_CONFIG_HOME: folder,
        XDG_DATA_HOME: folder, XDG_RUNTIME_DIR: folder };
    const before = new Set(started);
    let session;
    const close = async () => {
        if (!temporary.has(folder)) return; // closed before
        await session?.send('DeleteSession').catch(() => {});
        [...started].filter(group => !before.has(group)).forEach(kill);
        removeFolder(folder);
    };
    try {
        session = await engine.start(folder, environment, { dark, phone, scripts });
        // WebKitGTK never answers a script whose page goes away meanwhile.
        await session.send('SetTimeouts', { script: 8000, pageLoad: 30000 });
        await session.send('SetWindowRect', { x: 0, y: 0, ...(phone ? narrow : wide) });
        return Object.assign(new Page(session.send, session.complaints, scripts), { close });
    } catch (error) {
        await close();
        throw error;
    }
}

// Runs `test` in one engine with an empty folder (`root`). `serve(folder, ...options)` starts a server, which
// `requests()` of its result tells about: [status, target] of each request in its log. `page` is a session's window,
// `open(options)` that of another session (openSession). `picture(name)` is a path for a picture.
async function runIn(engine, test) {
    const root = makeFolder('tinyhttpd-browser-'), pages = [];
    chmodSync(root, 0o755); // the server may run as another user
    const open = async options => {
        pages.push(await openSession(engine, options));
        return pages.at(-1);
    };
    const serve = async (folder, ...options) => {
        const server = await startServer(folder, ['--log=json', ...options]);
        const lines = () => server.log().split('\n').filter(Boolean).map(line => JSON.parse(line));
        const requests = () => lines().map(({ status, target }) => [status, target]);
        return Object.assign(server, { requests });
    };
    const picture = name => join(pictures, `${engine.name}-${name.replace(/\W+/g, '-')}.png`.toLowerCase());
    const late = setTimeout(() => { console.log('Bail out! the time is over'); process.exit(1); }, 400000);
    try {
        await test({ engine: engine.name, root, serve, relay: startRelay, page: await open(), open, picture });
    } catch (error) {
        ok(false, 'runs to its end', String(error.stack).replaceAll('\n', '\n# '));
    } finally {
        clearTimeout(late);
        for (const page of pages) await page.close();
        await stopServers();
        removeFolder(root);
    }
}

// The engines that ENGINES names: all of them without it.
export function chosenEngines() {
    const chosen = (process.env.ENGINES || '').toLowerCase().split(/[ ,]+/).filter(Boolean);
    const names = engines.map(engine => engine.name.toLowerCase());
    const unknown = chosen.filter(name => !names.includes(name));
    if (unknown.length) throw new Error(`ENGINES: no engine is called ${unknown.join(', ')}; there are ${names.join(', ')}`);
    return engines.filter(engine => !chosen.length || chosen.includes(engine.name.toLowerCase()));
}

// Runs `test` in each of them that is installed. Prints the plan, sets the exit status.
export async function run(test) {
    mkdirSync(pictures, { recursive: true });
    for (const engine of chosenEngines()) {
        const packages = engine.needs.filter(([names]) => !find(names)).map(([, name]) => name);
        about(engine.name);
        if (packages.length) skip('everything', `not installed: apt install ${packages.join(' ')}`);
        else await runIn(engine, test);
    }
    done();
}
