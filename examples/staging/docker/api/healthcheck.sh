#!/bin/bash
# Healthy when /health answers 200. In bash, since starting Python every few seconds costs more than the service does.
exec 3<>/dev/tcp/127.0.0.1/8000 || exit 1
printf 'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
read -r -t 4 _ status _ <&3
[ "$status" = 200 ]
