# The image holds one static binary and the certificates to check others by.
# Build for every architecture with:
#   docker buildx build --platform linux/amd64,linux/arm64,linux/arm/v7 .
FROM --platform=$BUILDPLATFORM golang:1.26-alpine AS build
ARG TARGETOS=linux
ARG TARGETARCH=amd64
ARG TARGETVARIANT
ARG VERSION=0.1.0-dev
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH GOARM=${TARGETVARIANT#v} \
    go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /out/mihome2mqtt ./cmd/mihome2mqtt \
 && mkdir -p /out/data && cp /etc/ssl/certs/ca-certificates.crt /out/

FROM scratch
ARG VERSION=0.1.0-dev
LABEL org.opencontainers.image.title="mihome2mqtt" \
      org.opencontainers.image.description="Xiaomi and Mi Home devices on MQTT and in Home Assistant, locally" \
      org.opencontainers.image.url="https://github.com/mihome2mqtt/mihome2mqtt" \
      org.opencontainers.image.source="https://github.com/mihome2mqtt/mihome2mqtt" \
      org.opencontainers.image.documentation="https://github.com/mihome2mqtt/mihome2mqtt#readme" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      io.hass.type="app" \
      io.hass.version="$VERSION"
COPY --from=build /out/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/mihome2mqtt /mihome2mqtt
COPY --from=build --chown=65532:65532 /out/data /data
ENV MIHOME2MQTT_DATA=/data
USER 65532:65532
VOLUME /data
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["/mihome2mqtt", "healthcheck"]
ENTRYPOINT ["/mihome2mqtt"]
