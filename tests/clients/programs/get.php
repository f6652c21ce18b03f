<?php
// get.php streams|curl URL FOLDER: see ../languages.pl
[, $library, $url, $folder] = $argv;

function save($name, $body) {
    file_put_contents("$GLOBALS[folder]/$name", $body, FILE_APPEND);
}

// Returns [body, status, ETag].
function get($path, $field = '') {
    global $library, $url;
    static $kept;
    $etag = '';
    if ($library === 'curl') {
        $kept ??= curl_init();
        curl_setopt_array($kept, [CURLOPT_URL => $url . $path, CURLOPT_RETURNTRANSFER => true,
            CURLOPT_FOLLOWLOCATION => true,
            CURLOPT_HTTPHEADER => $field ? [$field] : [],
            CURLOPT_HEADERFUNCTION => function ($handle, $line) use (&$etag) {
                if (stripos($line, 'ETag: ') === 0) $etag = trim(substr($line, 6));
                return strlen($line);
            }]);
        $body = curl_exec($kept);
        return [$body, curl_getinfo($kept, CURLINFO_RESPONSE_CODE), $etag];
    }
    $body = file_get_contents($url . $path, false, stream_context_create(['http' => ['ignore_errors' => true,
        'protocol_version' => 1.1,
        'header' => array_filter(['Connection: close', $field])]]));
    $status = 0;
    foreach ($http_response_header as $line) {
        if (preg_match('{^HTTP/1\.1 (\d+)}', $line, $found)) $status = $found[1];
        if (stripos($line, 'ETag: ') === 0) $etag = trim(substr($line, 6));
    }
    return [$body, $status, $etag];
}

[$body, $whole, $etag] = get('/large.bin');
save('whole', $body);
[$body, $part] = get('/large.bin', 'Range: bytes=1000-1999');
save('part', $body);
[, $same] = get('/large.bin', "If-None-Match: $etag");
[, $none] = get('/none');
for ($n = 10; $n < 40; $n++) save('small', get("/small/$n.txt")[0]);
save('named', get('/na%20me%20%C3%A9%2050%25.txt')[0]);
save('redirected', get('/folder')[0]);
echo "$whole $part $same $none\n";
