#!/bin/bash
sorted=0 total=0
cmp -s /app/sorted.txt /tests/sorted.txt && sorted=1
[ "$(cat /app/total.txt)" = 24 ] && total=1
cat > /logs/verifier/reward.json <<END
{ "reward": $(awk "BEGIN { print ($sorted + $total) / 2 }"), "sorted": $sorted, "total": $total }
END
