// get.go URL FOLDER: see ../languages.pl
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

var url, folder = os.Args[1], os.Args[2]

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func save(name string, body []byte) {
	file, err := os.OpenFile(folder+"/"+name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	must(err)
	_, err = file.Write(body)
	must(err)
	must(file.Close())
}

func get(path string, field ...string) (*http.Response, []byte) {
	request, err := http.NewRequest("GET", url+path, nil)
	must(err)
	if len(field) > 0 {
		request.Header.Set(field[0], field[1])
	}
	response, err := http.DefaultClient.Do(request)
	must(err)
	body, err := io.ReadAll(response.Body)
	must(err)
	must(response.Body.Close())
	return response, body
}

func main() {
	whole, body := get("/large.bin")
	save("whole", body)
	part, body := get("/large.bin", "Range", "bytes=1000-1999")
	save("part", body)
	same, _ := get("/large.bin", "If-None-Match", whole.Header.Get("ETag"))
	none, _ := get("/none")
	for n := 10; n < 40; n++ {
		_, body = get(fmt.Sprintf("/small/%d.txt", n))
		save("small", body)
	}
	_, body = get("/na%20me%20%C3%A9%2050%25.txt")
	save("named", body)
	_, body = get("/folder")
	save("redirected", body)
	fmt.Println(whole.StatusCode, part.StatusCode, same.StatusCode, none.StatusCode)
}
