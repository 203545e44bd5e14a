#!/bin/sh
# Healthy when it answers. That it is sealed (2) is said by whoever needs it: a restart seals it, and is no fault of its own.
bao status >/dev/null 2>&1
[ $? -ne 1 ]
