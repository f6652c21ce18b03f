// A small WebDriver client (https://www.w3.org/TR/webdriver2/): its commands over HTTP, or over Marionette, which
// Firefox speaks without a driver (https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html).
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { soon } from './browser.mjs';

// WebDriver's endpoints, below the session, by the names that they have in the specification and in Marionette.
const endpoints = { NewSession: 'POST', DeleteSession: 'DELETE', SetTimeouts: 'POST /timeouts', Navigate: 'POST /url',
    GetCurrentURL: 'GET /url', ExecuteScript: 'POST /execute/sync', ExecuteAsyncScript: 'POST /execute/async',
    ElementClick: 'POST /element/{id}/click', PerformActions: 'POST /actions', SetWindowRect: 'POST /window/rect',
    TakeScreenshot: 'GET /screenshot', SwitchToFrame: 'POST /frame', GetLog: 'POST /se/log' };
const elementKey = 'element-6066-11e4-a52e-4f735466cecf';
const keys = { Enter: '\uE007', Escape: '\uE00C', ArrowUp: '\uE013', ArrowDown: '\uE015' };
const bound = 300000; // milliseconds for one command
const scriptBound = 60000; // for a script, which WebKit's driver may lose while the page changes

// Returns a function that sends a command to the driver at `address` and returns its value.
export function overHttp(address) {
    let session = '';
    return async (name, parameters = {}) => {
        const [method, path = ''] = endpoints[name].split(' ');
        const url = `${address}/session${session}${path.replace('{id}', parameters.id)}`;
        const body = method === 'POST' ? JSON.stringify(parameters) : undefined;
        const signal = AbortSignal.timeout(name.startsWith('Execute') ? scriptBound : bound);
        const response = await fetch(url, { method, body, signal });
        const { value } = await response.json();
        if (!response.ok) throw new Error(`${name}: ${value.error}: ${value.message.split('\n')[0]}`);
        if (name === 'NewSession') session = `/${value.sessionId}`;
        return value;
    };
}

// The same for Marionette at `port` of 127.0.0.1. A packet is its length in bytes, a colon and JSON. Names with a colon
// are commands of Marionette's own.
export async function overMarionette(port) {
    const socket = connect(port, '127.0.0.1'), pending = new Map();
    let received = Buffer.alloc(0), last = 0;
    const end = error => {
        for (const [, fail] of pending.values()) fail(error);
        pending.clear();
    };
    socket.on('error', end).on('close', () => end(new Error('Firefox closed the connection')));
    await new Promise((done, fail) => {
        socket.once('error', fail);
        socket.on('data', bytes => {
            received = Buffer.concat([received, bytes]);
            for (let colon; (colon = received.indexOf(':')) > 0;) {
                const next = colon + 1 + Number(received.subarray(0, colon));
                if (received.length < next) return;
                const packet = JSON.parse(received.subarray(colon + 1, next));
                received = received.subarray(next);
                if (!Array.isArray(packet)) { // the greeting
                    done();
                    continue;
                }
                const [, id, error, result] = packet, [answer, fail] = pending.get(id);
                pending.delete(id);
                if (error) fail(new Error(`${error.error}: ${error.message.split('\n')[0]}`));
                else answer(result && 'value' in result ? result.value : result);
            }
        });
    });
    return (name, parameters = {}) => new Promise((done, fail) => {
        if (socket.destroyed) fail(new Error('Firefox has ended'));
        const packet = JSON.stringify([0, ++last, name.includes(':') ? name : `WebDriver:${name}`, parameters]);
        pending.set(last, [done, error => fail(new Error(`${name}: ${error.message}`))]);
        setTimeout(() => fail(new Error(`${name}: no answer`)), bound).unref();
        socket.write(`${Buffer.byteLength(packet)}:${packet}`);
    });
}

// The window of a session. `complaints()` returns the errors and warnings of its console since the last call, or null
// if the engine does not tell them.
export class Page {
    constructor(send, complaints, scripts) {
        Object.assign(this, { send, complaints, scripts });
    }

    goto(url) { return this.send('Navigate', { url }); }
    url() { return this.send('GetCurrentURL'); }

    // Calls `action` in the page and returns its result, a promise's when it is there (if scripts of pages run).
    async evaluate(action, ...args) {
        if (!this.scripts) return this.send('ExecuteScript', { script: `return (${action})(...arguments);`, args });
        const script = `const args = [...arguments], done = args.pop();
            (async () => (${action})(...args))().then(value => done([value]), error => done([null, String(error)]));`;
        const [value, error] = await this.send('ExecuteAsyncScript', { script, args });
        if (error) throw new Error(error);
        return value ?? null;
    }

    // These do what the browser's buttons do: Marionette's commands would bypass its caches. The caller waits.
    back() { return this.evaluate(() => { setTimeout(() => history.back()); }); }
    forward() { return this.evaluate(() => { setTimeout(() => history.forward()); }); }

    async reload() {
        await this.evaluate(() => { window.old = true; setTimeout(() => location.reload()); });
        const done = () => window.old === undefined && document.readyState === 'complete';
        if (!await soon(() => this.evaluate(done), bound)) throw new Error('the page does not reload');
    }

    // The text of the first element that `selector` finds.
    text(selector) { return this.evaluate(one => document.querySelector(one).textContent, selector); }

    // The first element that `selector` finds, among those with this text.
    async find(selector, text) {
        const script = `return [...document.querySelectorAll(arguments[0])]
            .find(one => arguments[1] === null || one.textContent.trim() === arguments[1]);`;
        const element = await this.send('ExecuteScript', { script, args: [selector, text ?? null] });
        if (!element) throw new Error(`no ${selector} ${text ?? ''}`);
        return element;
    }

    async click(selector, text) {
        const { [elementKey]: id } = await this.find(selector, text);
        return this.send('ElementClick', { id });
    }

    // Types characters, or the key of this name.
    type(text) {
        const typed = keys[text] ? [keys[text]] : [...text];
        const actions = typed.flatMap(value => [{ type: 'keyDown', value }, { type: 'keyUp', value }]);
        return this.send('PerformActions', { actions: [{ type: 'key', id: 'keyboard', actions }] });
    }

    // What `selector` finds is the frame to evaluate in; without it the page is.
    async enter(selector) { return this.send('SwitchToFrame', { id: selector ? await this.find(selector) : null }); }

    // Once the page has been painted.
    async screenshot(path) {
        await this.evaluate(() => new Promise(done => {
            requestAnimationFrame(() => requestAnimationFrame(() => done()));
        }));
        writeFileSync(path, Buffer.from(await this.send('TakeScreenshot', { full: false, hash: false }), 'base64'));
    }
}
