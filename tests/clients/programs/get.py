# What each program here does, see ../languages.pl: get.py http.client|urllib|requests|httpx|aiohttp URL FOLDER
import asyncio
import sys

library, url, folder = sys.argv[1:]
large, etag_of = url + '/large.bin', {}


def save(name, body):
    with open(f'{folder}/{name}', 'ab') as file:
        file.write(body)


def session():
    """Returns a function (path, fields) -> (status, fields, body) that follows redirects."""
    if library == 'requests':
        import requests
        kept = requests.Session()

        def get(path, fields):
            response = kept.get(url + path, headers=fields)
            return response.status_code, response.headers, response.content
    elif library == 'httpx':
        import httpx
        kept = httpx.Client(follow_redirects=True)

        def get(path, fields):
            response = kept.get(url + path, headers=fields)
            return response.status_code, response.headers, response.content
    elif library == 'urllib':
        import urllib.error
        import urllib.request

        def get(path, fields):
            try:
                response = urllib.request.urlopen(urllib.request.Request(url + path, headers=fields))
            except urllib.error.HTTPError as error:
                response = error
            return response.status, response.headers, response.read()
    else:
        import http.client
        import urllib.parse
        parts = urllib.parse.urlsplit(url)
        kept = http.client.HTTPConnection(parts.netloc)

        def get(path, fields):
            kept.request('GET', parts.path + path, headers=fields)
            response = kept.getresponse()
            body = response.read()
            if response.status in (301, 302, 308):
                target = urllib.parse.urljoin(url + path, response.headers['Location'])
                return get(target[len(url):], fields)
            return response.status, response.headers, body
    return get


def main():
    get = session()
    status, fields, body = get('/large.bin', {})
    save('whole', body)
    part, _, body = get('/large.bin', {'Range': 'bytes=1000-1999'})
    save('part', body)
    same, _, _ = get('/large.bin', {'If-None-Match': fields['ETag']})
    none, _, _ = get('/none', {})
    for n in range(10, 40):
        save('small', get(f'/small/{n}.txt', {})[2])
    save('named', get('/na%20me%20%C3%A9%2050%25.txt', {})[2])
    save('redirected', get('/folder', {})[2])
    print(status, part, same, none)


async def main_aiohttp():
    import aiohttp
    async with aiohttp.ClientSession() as kept:
        async def get(path, fields):
            import yarl
            async with kept.get(yarl.URL(url + path, encoded=True), headers=fields) as response:
                return response.status, response.headers, await response.read()
        status, fields, body = await get('/large.bin', {})
        save('whole', body)
        part, _, body = await get('/large.bin', {'Range': 'bytes=1000-1999'})
        save('part', body)
        same, _, _ = await get('/large.bin', {'If-None-Match': fields['ETag']})
        none, _, _ = await get('/none', {})
        for _, _, body in await asyncio.gather(*(get(f'/small/{n}.txt', {}) for n in range(10, 40))):
            save('small', body)
        save('named', (await get('/na%20me%20%C3%A9%2050%25.txt', {}))[2])
        save('redirected', (await get('/folder', {}))[2])
        print(status, part, same, none)


if library == 'aiohttp':
    asyncio.run(main_aiohttp())
else:
    main()
