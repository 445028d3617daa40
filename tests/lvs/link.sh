# In the lab's machine: a plan runs while links lose packets at random, and then all of them. busybox sh, after the lab has
# built its network. Leaves the journal, what the source said and when links were what under /out; tests/lvs.rs judges them.
cd /work
records() { quietgate journal show state --format json 2>/dev/null; }
# COMMAND...: waits until it succeeds
until_so() {
    look=0
    until "$@" >/dev/null 2>&1; do
        look=$((look + 1))
        if [ "$look" -gt 150 ]; then echo "this did not come about: $*"; return 1; fi
        sleep 1
    done
}
held() { records | grep '"hold"' | grep -F anomalous | grep -qF "$1"; }
# what was said since it held, of intervals of one signal
measured() { [ "$(sed -n "$before,\$p" said.jsonl | grep -F '"signal":"lost"' | grep -cF '"10.9.3.2"')" -ge 16 ]; }
# only what is sent is to be lost: an address that has to be asked for, and the question is lost, is an outage of its own
$IP neigh replace 10.9.3.2 lladdr "$(ns r2 /bb/cat /sys/class/net/er2/address)" dev vr2 nud permanent
ns r2 $IP neigh replace 10.9.3.1 lladdr "$(cat /sys/class/net/vr2/address)" dev er2 nud permanent
quietgate run link-plan.yaml --config link.yaml --record said.jsonl >/out/run.txt 2>&1 &
run=$!
until_so held 10.9.3.2 && before=$(wc -l <said.jsonl) && until_so measured && date +%s >lossy-until && noloss vr2 &&
    until_so held 10.9.4.2 || kill "$run"
wait "$run"
echo $? >/out/run-exit
records >/out/journal.json
cp said.jsonl lossy-from lossy-until /out/
cp ledger /out/ledger.txt
cp down-least /out/down.txt
