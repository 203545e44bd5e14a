#!/bin/bash
# Healthy when the configuration answers, and both published ports accept connections.
exec 3<>/dev/tcp/127.0.0.1/8081 || exit 1
printf 'GET / HTTP/1.0\r\n\r\n' >&3
read -r -t 3 _ status _ <&3
[ "$status" = 204 ] || exit 1
exec 4<>/dev/tcp/127.0.0.1/8080 && exec 5<>/dev/tcp/127.0.0.1/8443
