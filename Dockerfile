# docker build -t tinyhttpd .
# docker run --rm -v ./www:/www:ro -p 8080:8080 tinyhttpd
#
# The server needs neither capabilities nor a writable file system, so these cost nothing:
#   --read-only --cap-drop all --security-opt no-new-privileges
# Options may follow the image's name (-j 2, -q, --help ...), or come by the environment (-e TINYHTTPD_CACHE=auto). A port
# or address of your own must come by the environment: the health check knows nothing else.

FROM docker.io/library/debian:trixie-slim AS build

# bz2, lzma and zlib are libmagic's own needs, which a shared library would bring along and an archive does not.
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        gcc libbz2-dev libc6-dev libllhttp-dev liblzma-dev libmagic-dev make pkgconf zlib1g-dev \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /src
COPY Makefile ./
COPY src src/

# Static, because the last stage has no loader; PIE, so that addresses are still random; -s leaves symbols out.
# The linker warns of getaddrinfo, getpwnam and getgrnam: addresses and users given as numbers, as below, need no
# library at run time.
RUN make LDFLAGS='-static-pie -s' LDLIBS="$(pkgconf --static --libs libmagic)"

# All of the image's files, put together here so that they become one layer. libmagic's database lies where the
# server looks first. The passwd entry gives the user a name for whoever asks; the server itself does not.
#
# With SOURCE_DATE_EPOCH (seconds since 1970; https://reproducible-builds.org/specs/source-date-epoch/) equal sources and
# packages give equal files. The builder has its own say on the image's date: buildah's --timestamp, or BuildKit's
# rewrite-timestamp.
ARG SOURCE_DATE_EPOCH
RUN install -D -m 755 tinyhttpd /image/tinyhttpd \
 && install -D -m 644 /usr/lib/file/magic.mgc /image/usr/share/misc/magic.mgc \
 && install -d -m 755 /image/etc /image/www \
 && echo 'nobody:x:65534:65534:nobody:/:/sbin/nologin' >/image/etc/passwd \
 && if [ -n "$SOURCE_DATE_EPOCH" ]; then find /image -exec touch --date="@$SOURCE_DATE_EPOCH" {} +; fi

FROM scratch

LABEL org.opencontainers.image.title="tinyhttpd" \
      org.opencontainers.image.description="A static-file HTTP/1.1 server" \
      org.opencontainers.image.licenses="MIT"

COPY --from=build /image/ /

# By number: Kubernetes' runAsNonRoot can't judge a name.
USER 65534:65534

# The loopback addresses, the default, can't be reached from outside a container.
ENV TINYHTTPD_BIND=* TINYHTTPD_ROOT=/www
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=3s --start-period=2s CMD ["/tinyhttpd", "--check"]

ENTRYPOINT ["/tinyhttpd"]
