# In the lab's machine: a plan runs on a director under traffic. busybox sh, after the lab has built its network.
# Leaves what was said, the journal and what ipvsadm shows under /out; tests/lvs.rs judges them.
cd /work
for vip in 10.9.100.1 10.9.100.2; do
    fetch_loop c "http://$vip/i" 100000 0.1 >/dev/null &
done
records() { quietgate journal show state --format json 2>/dev/null; }
# WORD...: waits for a hold that says all of them, later than so many records
before=0
held() {
    look=0
    while :; do
        records | sed -n "$((before + 1)),\$p" | grep '"hold"' >/tmp/holds
        for word in "$@"; do grep -F -e "$word" /tmp/holds >/tmp/left; mv /tmp/left /tmp/holds; done
        [ -s /tmp/holds ] && return
        look=$((look + 1))
        if [ "$look" -gt 60 ]; then echo "no hold that says $*"; return 1; fi
        sleep 1
    done
}
# TARGET: waits until its action has begun
acted() {
    look=0
    until grep -q "$1" ledger 2>/dev/null; do
        look=$((look + 1))
        if [ "$look" -gt 60 ]; then echo "nothing was done to $1"; return 1; fi
        sleep 1
    done
}
# one who has no rights at all, beside root
chmod 755 /
echo 'nobody:x:65534:65534::/:/bb/sh' >/etc/passwd
su -s /bb/sh nobody -c '/bin/quietgate check --online quietgate.yaml' >/out/check-nobody.txt 2>&1 &
nobody=$!
quietgate check --online quietgate.yaml >/out/check.txt 2>&1
echo $? >/out/check-exit
wait "$nobody"
echo $? >/out/check-nobody-exit
quietgate run plan.yaml >/out/run.txt 2>&1 &
run=$!
acted r1 && held anomalous 10.9.100.1 10.9.3.2 && rs_up r2 &&
    acted r2 && before=$(records | wc -l) && held unknown 10.9.100.1 10.9.3.2 &&
    ipvsadm -a -t 10.9.100.1:80 -r 10.9.3.2:80 -m || kill "$run"
wait "$run"
echo $? >/out/run-exit
records >/out/journal.json
cp ledger /out/ledger.txt
ipvsadm -Ln --stats --exact >/out/ipvsadm.txt
