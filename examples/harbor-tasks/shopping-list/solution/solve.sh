#!/bin/bash
cd /app || exit 1
sort -k2 list.txt > sorted.txt
awk '{ sum += $1 } END { print sum }' list.txt > total.txt
