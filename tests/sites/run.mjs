// Three real sites, made by the generators' own programs from the sources here, each served as its host serves it:
// VitePress below a base (GitHub Pages), Astro (Netlify), Docusaurus (Cloudflare Pages). All pages are crawled by their
// links; then Chromium opens each, and follows the links by the site's own router. SITES is the folder in which the
// sites are made, once for each version of their sources.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join, resolve } from 'node:path';
import { done, findChromium, findPlaywright, is, ok, openPage, skip, startBrowser, startServer, stopServers } from '../browser/lib/browser.mjs';

const sources = import.meta.dirname, made = resolve(process.env.SITES || 'build/sites');
const immutable = 'public, max-age=31536000, immutable';

// `pages`: what a crawl finds, with the title of each. `answers`: [address, status, Location or title]. `fields`: [address
// or pattern of assets, name, value]. `click`: the text of a link on the home page, and the address of its page.
const sites = {
    vitepress: {
        flags: ['--base', '/repo/'],
        home: '/repo/',
        pages: { '/repo/': 'A project', '/repo/about': 'About | A project', '/repo/guide/': 'Start | A project', '/repo/guide/files': 'Files | A project' },
        answers: [
            ['/', 302, './repo/'], ['/repo', 302, './repo/'], ['/repo/guide', 302, 'guide/'], ['/repo/about.html', 200, 'About | A project'],
            ['/repo/none', 404, '404 | A project'], ['/repo/guide/none', 404, '404 | A project'], ['/none', 404, '404 | A project'],
        ],
        fields: [[/^\/repo\/assets\//, 'cache-control', 'no-cache']],
        click: ['about', '/repo/about'],
    },
    astro: {
        flags: ['--rules=netlify'],
        home: '/',
        pages: { '/': 'Home', '/about/': 'About', '/blog/first/': 'First' },
        answers: [
            ['/old', 301, '/about/'], ['/team/ann', 302, '/about/'], ['/news/first', 302, '/blog/first'], ['/about', 301, '/about/'],
            ['/app/any/thing', 200, 'First'], ['/none', 404, 'Not here'], ['/_redirects', 404, 'Not here'], ['/_headers', 404, 'Not here'],
            ['/blog/', 404, 'Not here'], ['/blog', 404, 'Not here'],
        ],
        fields: [[/^\/_astro\//, 'cache-control', immutable], ['/', 'x-frame-options', 'DENY'], ['/', 'cache-control', 'no-cache'], ['/none', 'x-frame-options', 'DENY'],
            ['/about/', 'content-security-policy', "default-src 'self'; style-src 'self' 'unsafe-inline'"]],
        click: ['About', '/about/'],
    },
    docusaurus: {
        flags: ['--rules=cloudflare'],
        home: '/',
        pages: { '/': 'Handbook', '/docs/files': 'Files | Handbook', '/docs/intro': 'Introduction | Handbook' },
        answers: [
            ['/start', 302, '/docs/intro'], ['/docs', 301, '/docs/intro'], ['/manual/files', 308, '/docs/files'], ['/p/intro.php', 303, '/docs/intro'],
            ['/docs/intro.html', 308, '/docs/intro'], ['/docs/intro/', 308, '/docs/intro'], ['/index.html', 308, '/'],
            ['/none/deep', 404, 'Page Not Found | Handbook'], ['/_headers', 404, 'Page Not Found | Handbook'],
            ['/docs/', 404, 'Page Not Found | Handbook'], ['/assets', 404, 'Page Not Found | Handbook'],
        ],
        fields: [[/^\/assets\//, 'cache-control', immutable], ['/docs/intro', 'link', '</docs/intro>; rel="canonical"'], ['/start', 'x-frame-options', 'DENY']],
        click: ['Read it', '/docs/intro'],
    },
};

// ---- making the sites ----

function sourceDigest(folder) {
    const digest = createHash('sha256');
    for (const file of readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
        .map(entry => join(entry.parentPath ?? entry.path, entry.name)).sort())
        digest.update(file).update(readFileSync(file));
    return digest.digest('hex');
}

// Returns '', or what is missing.
function make(name) {
    const folder = join(made, name), stamp = join(folder, 'stamp'), log = join(folder, 'log');
    const digest = sourceDigest(join(sources, name));
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return '';
    console.log(`# making ${name}: minutes, the first time`);
    rmSync(join(folder, 'site'), { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    cpSync(join(sources, name), folder, { recursive: true });
    for (const step of [['install', '--no-package-lock', '--no-audit', '--no-fund'], ['run', 'build']]) {
        const ended = spawnSync('npm', step, { cwd: folder, encoding: 'utf8', env: { ...process.env, ASTRO_TELEMETRY_DISABLED: '1', NO_UPDATE_NOTIFIER: '1' } });
        writeFileSync(log, `${ended.stdout}${ended.stderr}`);
        if (ended.status !== 0) return `'npm ${step[0]}' failed, see ${log}`;
    }
    execFileSync('chmod', ['-R', 'a+rX', join(folder, 'site')]); // the server may run as another user
    writeFileSync(stamp, digest);
    return '';
}

// ---- the crawl ----

function ask(url, path) {
    return new Promise((answered, fail) => get(url + path, { headers: { accept: 'text/html' }, agent: false }, response => {
        let body = '';
        response.setEncoding('utf8').on('data', text => { body += text; });
        response.on('end', () => answered({ status: response.statusCode, fields: response.headers, body }));
    }).on('error', fail));
}

const titleOf = body => (body.match(/<title[^>]*>([^<]*)/) || [])[1];
const linksOf = body => [...body.matchAll(/\s(?:href|src)=["']?([^"'\s>]+)|url\(["']?([^"')]+)/g)].map(found => found[1] ?? found[2]);

// Follows all links from `home`. Returns the title of each page, the assets, and what was wrong.
async function crawl(url, home, redirects) {
    const pages = {}, assets = [], wrong = [], seen = new Set([home]);
    for (const path of seen) {
        const { status, fields, body } = await ask(url, path);
        const type = fields['content-type'] || '';
        if (status >= 300 && status < 400 && redirects.has(path)) seen.add(fields.location);
        else if (status !== 200) wrong.push(`${path}: ${status}`);
        else if (type.startsWith('text/html')) pages[path] = titleOf(body);
        else assets.push(path);
        if (status !== 200 || !/^text\/(html|css)/.test(type)) continue;
        for (const link of linksOf(body)) {
            const target = new URL(link, url + path);
            if (target.origin === url) seen.add(target.pathname);
        }
    }
    return { pages, assets, wrong };
}

async function crawlSite(name, site, root) {
    const server = await startServer(root, site.flags);
    const { pages, assets, wrong } = await crawl(server.url, site.home, new Set(site.answers.map(([path]) => path)));
    is(wrong, [], `${name}: each link leads to a file, at its own address`);
    is(Object.fromEntries(Object.entries(pages).sort()), site.pages, `${name}: all pages, by their links`);
    ok(assets.length > 1, `${name}: assets, by their links`, assets.join(' '));
    for (const [path, status, expected] of site.answers) {
        const { status: got, fields, body } = await ask(server.url, path);
        is([got, fields.location ?? titleOf(body)], [status, expected], `${name}: ${path}`);
    }
    for (const [which, field, expected] of site.fields) {
        const paths = typeof which === 'string' ? [which] : assets.filter(path => which.test(path));
        const values = new Set();
        for (const path of paths) values.add((await ask(server.url, path)).fields[field]);
        is([...values], [expected], `${name}: ${field} of ${which}`);
    }
    await server.stop();
}

// ---- the browser ----

// Scripts set it, too.
const hasTitle = (page, title) => page.waitForFunction(title => document.title === title, title);

async function openAll(browser, name, site, root, ...flags) {
    const server = await startServer(root, [...site.flags, '--strict', ...flags]);
    const what = [name, ...flags].join(' '), waitUntil = flags.includes('--watch') ? 'load' : 'networkidle'; // the script asks all the time
    for (const [path, title] of Object.entries(site.pages)) {
        const page = await openPage(browser);
        const answer = await page.goto(server.url + path, { waitUntil });
        await hasTitle(page, title);
        is([answer.status(), page.complaints], [200, []], `${what}: ${path} opens, nothing in the console`);
        await page.close();
    }
    const page = await openPage(browser), [text, address] = site.click;
    await page.goto(server.url + site.home, { waitUntil });
    await page.evaluate(() => { window.same = true; });
    await page.getByRole('link', { name: text, exact: true }).last().click();
    await page.waitForURL(server.url + address);
    await hasTitle(page, site.pages[address]);
    await page.waitForLoadState(waitUntil);
    is([await page.evaluate(() => window.same), page.complaints], [true, []], `${what}: the site's router opens ${address} without a load`);
    await page.goBack();
    await hasTitle(page, site.pages[site.home]);
    is(page.complaints, [], `${what}: back`);
    await page.reload({ waitUntil });
    is(page.complaints, [], `${what}: reloaded`);
    const lost = await page.goto(`${server.url}${site.home}none`, { waitUntil });
    await hasTitle(page, site.answers.find(row => row[1] === 404)[2]);
    is([lost.status(), page.complaints.filter(complaint => !complaint.includes('status of 404 '))], [404, []], `${what}: the site's own 404 page`);
    await page.close();
    is(await server.stop(), 0, `${what}: exit status of --strict`);
}

// The stylesheet of the home page is missing.
async function openBroken(browser, name, site, root) {
    const home = readFileSync(join(root, 'index.html'), 'utf8');
    const sheet = linksOf(home).find(link => link.endsWith('.css') && link.includes(name === 'astro' ? '_astro' : 'assets'));
    const file = join(root, sheet.slice(site.home.length)), away = join(root, '..', 'away.css');
    renameSync(file, away);
    try {
        const server = await startServer(root, [...site.flags, '--strict']);
        const page = await openPage(browser);
        await page.goto(server.url + site.home, { waitUntil: 'networkidle' });
        await page.close();
        is(await server.stop(), 1, `${name}: exit status of --strict without ${sheet}`);
    } finally {
        renameSync(away, file);
    }
}

// ---- all ----

if (spawnSync('npm', ['--version']).status !== 0 || process.versions.node.split('.')[0] < 20) {
    console.log('1..0 # SKIP no npm of node 20 or newer');
    process.exit(0);
}
mkdirSync(made, { recursive: true });
chmodSync(made, 0o755);
const browser = findPlaywright() && findChromium() ? await startBrowser() : null;
const late = setTimeout(() => { console.log('Bail out! the time is over'); process.exit(1); }, 1200000);
for (const [name, site] of Object.entries(sites)) {
    const missing = make(name), root = join(made, name, 'site');
    if (missing) {
        skip(name, missing);
        continue;
    }
    try {
        await crawlSite(name, site, root);
        if (!browser) {
            skip(`${name} in a browser`, findPlaywright() ? 'no Chromium: apt install chromium' : 'no playwright-core: npm install --prefix DIR playwright-core, then PLAYWRIGHT=DIR');
            continue;
        }
        await openAll(browser, name, site, root);
        await openAll(browser, name, site, root, '--watch');
        await openBroken(browser, name, site, root);
    } catch (error) {
        ok(false, `${name}: runs to its end`, String(error.stack).replaceAll('\n', '\n# '));
    }
}
clearTimeout(late);
await browser?.close();
await stopServers();
done();
