# docker build -t tinyhttpd .
# docker run --rm -v ./www:/www:ro -p 8080:8080 tinyhttpd
#
# The server needs neither capabilities nor a writable file system, so these cost nothing:
#   --read-only --cap-drop all --security-opt no-new-privileges
# Options may follow the image's name (-j 2, -q, --help ...) or be in the environment (-e TINYHTTPD_CACHE=auto). Another
# port or address must be in the environment, as the health check reads it there.

# For both architectures, into a registry (other ways: share/doc/deploy.md):
#   docker buildx build --platform linux/amd64,linux/arm64 -t registry.example/tinyhttpd --push .
# The first stage runs on the builder's own platform and cross-compiles, so that nothing is emulated.

# BuildKit sets it. Docker's builder before BuildKit and buildah 1.28 don't: on arm64 they need --build-arg.
ARG BUILDPLATFORM=${BUILDPLATFORM:-linux/amd64}
FROM --platform=$BUILDPLATFORM docker.io/library/debian:trixie-slim AS build

# libmagic's static library needs bz2, lzma and zlib. /compiler gets the name of the compiler for the target.
ARG BUILDPLATFORM TARGETPLATFORM
RUN case ${TARGETPLATFORM:-$BUILDPLATFORM} in \
        "$BUILDPLATFORM") of= package=gcc compiler=gcc ;; \
        linux/amd64) of=:amd64 package=gcc-x86-64-linux-gnu compiler=x86_64-linux-gnu-gcc ;; \
        linux/arm64) of=:arm64 package=gcc-aarch64-linux-gnu compiler=aarch64-linux-gnu-gcc ;; \
        *) echo "this Dockerfile can't cross-compile for $TARGETPLATFORM" >&2; exit 1 ;; \
    esac \
 && echo "$compiler" >/compiler \
 && if [ -n "$of" ]; then dpkg --add-architecture "${of#:}"; fi \
 && apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        gcc libc6-dev make pkgconf "$package" \
        libbz2-dev$of libc6-dev$of libllhttp-dev$of liblzma-dev$of libmagic-dev$of zlib1g-dev$of \
 && rm -rf /var/lib/apt/lists/*

# Of libmagic's database, 10 MB, only what can give a type.
COPY share/magic_subset.c /tmp/
RUN gcc -O1 -o /tmp/magic_subset /tmp/magic_subset.c && /tmp/magic_subset /usr/lib/file/magic.mgc >/magic.mgc

WORKDIR /src
COPY Makefile ./
COPY src src/

# Static, as the last stage has no loader; PIE for random addresses; without symbols, unwind tables and unused functions.
# The linker warns of getaddrinfo, getpwnam and getgrnam: numeric addresses and users, as below, need no library at run
# time.
RUN compiler=$(cat /compiler) \
 && export PKG_CONFIG_LIBDIR="/usr/lib/$($compiler -print-multiarch)/pkgconfig" \
 && make CC="$compiler" CFLAGS=-fno-asynchronous-unwind-tables LDLIBS="$(pkgconf --static --libs libmagic)" \
        LDFLAGS='-static-pie -s -Wl,--gc-sections,-z,pack-relative-relocs'

# All files of the image in one layer. libmagic's database is at its first default path. The passwd entry names the user
# for tools like ps; the server does not need it.
#
# With SOURCE_DATE_EPOCH (seconds since 1970; https://reproducible-builds.org/specs/source-date-epoch/) equal sources
# and packages give equal files. The builder sets the image's date: buildah's --timestamp, BuildKit's rewrite-timestamp.
ARG SOURCE_DATE_EPOCH
RUN install -D -m 755 tinyhttpd /image/tinyhttpd \
 && install -D -m 644 /magic.mgc /image/usr/share/misc/magic.mgc \
 && install -d -m 755 /image/etc /image/www \
 && echo 'nobody:x:65534:65534:nobody:/:/sbin/nologin' >/image/etc/passwd \
 && if [ -n "$SOURCE_DATE_EPOCH" ]; then find /image -exec touch --date="@$SOURCE_DATE_EPOCH" {} +; fi

FROM scratch

# `make image` sets both.
ARG VERSION=0.1.0 REVISION=
LABEL org.opencontainers.image.title="tinyhttpd" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.description="A static-file HTTP/1.1 server" \
      org.opencontainers.image.licenses="MIT"

COPY --from=build /image/ /

# A number, as Kubernetes' runAsNonRoot can't check a name.
USER 65534:65534

# The default, loopback, can't be reached from outside a container.
ENV TINYHTTPD_BIND=* TINYHTTPD_ROOT=/www
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=3s --start-period=2s CMD ["/tinyhttpd", "--check"]

ENTRYPOINT ["/tinyhttpd"]
