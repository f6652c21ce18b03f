// Get.java HttpClient|HttpURLConnection URL FOLDER: see ../languages.pl
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

class Get {
    record Answer(int status, String etag, byte[] body) {}

    static String library, url;
    static Path folder;
    // Over plain TCP it also offers HTTP/2 (Upgrade: h2c).
    static final HttpClient client = HttpClient.newBuilder().followRedirects(HttpClient.Redirect.NORMAL).build();

    static void save(String name, byte[] body) throws Exception {
        Files.write(folder.resolve(name), body, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    static Answer get(String path, String... field) throws Exception {
        URI uri = URI.create(url + path);
        if (library.equals("HttpClient")) {
            HttpRequest.Builder request = HttpRequest.newBuilder(uri);
            if (field.length > 0) request.headers(field);
            HttpResponse<byte[]> response = client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
            return new Answer(response.statusCode(), response.headers().firstValue("ETag").orElse(""), response.body());
        }
        HttpURLConnection connection = (HttpURLConnection) uri.toURL().openConnection();
        if (field.length > 0) connection.setRequestProperty(field[0], field[1]);
        int status = connection.getResponseCode();
        try (InputStream body = status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
            return new Answer(status, connection.getHeaderField("ETag"), body.readAllBytes());
        }
    }

    public static void main(String[] arguments) throws Exception {
        library = arguments[0];
        url = arguments[1];
        folder = Path.of(arguments[2]);
        Answer whole = get("/large.bin");
        save("whole", whole.body());
        Answer part = get("/large.bin", "Range", "bytes=1000-1999");
        save("part", part.body());
        Answer same = get("/large.bin", "If-None-Match", whole.etag());
        Answer none = get("/none");
        for (int n = 10; n < 40; n++) save("small", get("/small/" + n + ".txt").body());
        save("named", get("/na%20me%20%C3%A9%2050%25.txt").body());
        save("redirected", get("/folder").body());
        System.out.println(whole.status() + " " + part.status() + " " + same.status() + " " + none.status());
    }
}
