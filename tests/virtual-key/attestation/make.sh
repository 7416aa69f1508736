#!/bin/sh
# Makes the vendor of the virtual keys anew: its root, and the certificate and private key of one batch of keys, as the
# WebAuthn specification asks (section 8.2.1). They certify nothing but tests, so that they may lie here for all to see.
set -eu
cd "$(dirname "$0")"
aaguid=7669727475616c206b657920666f7221
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
openssl ecparam -name prime256v1 -genkey -noout -out "$work/root.key"
openssl req -x509 -new -key "$work/root.key" -days 36500 -subj "/C=DE/O=Virtual Keys/CN=Virtual Keys Root" \
    -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign -out root.pem
openssl ecparam -name prime256v1 -genkey -noout -out "$work/batch.key"
printf 'basicConstraints=critical,CA:FALSE\n1.3.6.1.4.1.45724.1.1.4=DER:0410%s\n' "$aaguid" > "$work/extensions"
openssl req -new -key "$work/batch.key" \
    -subj "/C=DE/O=Virtual Keys/OU=Authenticator Attestation/CN=Virtual Keys Batch 1" |
    openssl x509 -req -CA root.pem -CAkey "$work/root.key" -set_serial 1 -days 36500 -extfile "$work/extensions" \
        -outform DER -out batch.der
# The 32 bytes of the private key: they follow the header of RFC 5915.
openssl ec -in "$work/batch.key" -outform DER 2>/dev/null | tail -c +8 | head -c 32 > batch.key
