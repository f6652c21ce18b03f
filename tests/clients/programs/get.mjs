// get.mjs fetch|http URL FOLDER: see ../languages.pl
import { appendFileSync } from 'node:fs';
import { Agent, get as httpGet } from 'node:http';

const [library, url, folder] = process.argv.slice(2);
const save = (name, body) => appendFileSync(`${folder}/${name}`, body);
const agent = new Agent({ keepAlive: true, maxSockets: 2 });

async function getByFetch(path, headers = {}) {
    const response = await fetch(url + path, { headers });
    return { status: response.status, etag: response.headers.get('etag'),
        body: Buffer.from(await response.arrayBuffer()) };
}

function getByHttp(path, headers = {}, base = url + path) {
    return new Promise((answered, fail) => httpGet(base, { headers, agent }, response => {
        const pieces = [];
        response.on('data', piece => pieces.push(piece)).on('end', () => {
            if ([301, 302, 308].includes(response.statusCode))
                answered(getByHttp('', headers, new URL(response.headers.location, base)));
            else answered({ status: response.statusCode, etag: response.headers.etag, body: Buffer.concat(pieces) });
        }).on('error', fail);
    }).on('error', fail));
}

const get = library === 'fetch' ? getByFetch : getByHttp;
const whole = await get('/large.bin');
save('whole', whole.body);
const part = await get('/large.bin', { range: 'bytes=1000-1999' });
save('part', part.body);
const same = await get('/large.bin', { 'if-none-match': whole.etag });
const none = await get('/none');
const small = Array.from({ length: 30 }, (_, n) => get(`/small/${n + 10}.txt`));
for (const { body } of await Promise.all(small)) save('small', body);
save('named', (await get('/na%20me%20%C3%A9%2050%25.txt')).body);
save('redirected', (await get('/folder')).body);
console.log(whole.status, part.status, same.status, none.status);
agent.destroy();
