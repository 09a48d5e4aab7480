# postern in a container: built in one stage, run in another as a user without a name or rights.
#   docker build -t postern . && docker run --rm -p 8080:8080 postern
FROM debian:bookworm-slim AS build
WORKDIR /src
# The scripts first: as long as they do not change, the layer with the toolchain is reused.
COPY scripts/lib scripts/lib
RUN ["/bin/bash", "-c", ". scripts/lib/common.sh && . scripts/lib/packages.sh && install_packages build"]
COPY . .
RUN cmake --preset release -DPOSTERN_TESTS=OFF -DPOSTERN_BENCH=OFF -DPOSTERN_WERROR=OFF \
 && cmake --build --preset release \
 && DESTDIR=/stage cmake --install build/release --prefix /usr --strip \
 && install -m 0644 config/container.toml /stage/etc/postern/postern.toml \
 && rm -rf /stage/usr/lib /stage/usr/share \
 && /stage/usr/bin/postern check --config /stage/etc/postern/postern.toml

FROM debian:bookworm-slim
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      ca-certificates libc-ares2 libfmt9 libnghttp2-14 libprometheus-cpp-core1.0 libre2-9 libsimdjson14 libssl3 \
      liburing2 libzstd1 zlib1g \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /stage/ /
USER 65532:65532
EXPOSE 8080 9180
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=2s --retries=3 \
  CMD ["/usr/bin/postern", "health", "--admin", "127.0.0.1:9180"]
ENTRYPOINT ["/usr/bin/postern"]
CMD ["run", "--config", "/etc/postern/postern.toml"]
