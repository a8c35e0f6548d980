#!/usr/bin/env bash
# Every scenario has to hold with any seed, not only with its own. Runs all of them with some others:
#
#   ci/seeds.sh 1 100               with seeds 1 to 100, on both engines
#   ci/seeds.sh 1 100 --engine flow on one of them
#   ci/seeds.sh                     with one that follows from the commit: a sample, of which each commit takes another
set -euo pipefail
cd "$(dirname "$0")/.."

folders=(scenarios scenarios/regressions)
cargo build --quiet
broken=0
check() {
    local seed=$1 engine=$2 report
    # Exit code 1 says that a promise broke. What the report says of the others does not matter here.
    if ! report=$(target/debug/squall run "${folders[@]}" --seed "$seed" --engine "$engine"); then
        broken=1
        printf '\nseed %s, engine %s:\n' "$seed" "$engine"
        grep -E '^ (broken|replay|         first:) ' <<<"$report" || tail -n 3 <<<"$report"
    fi
}

if [ $# -ge 2 ]; then
    from=$1 until=$2 engines=(flow turmoil)
    if [ "${3:-}" = --engine ]; then engines=("${4:?which engine}"); fi
    for ((seed = from; seed <= until; seed++)); do
        for engine in "${engines[@]}"; do check "$seed" "$engine"; done
    done
elif [ $# -eq 0 ]; then
    commit=$(git rev-parse HEAD)
    seed=$((16#${commit:0:6}))
    engines=(flow turmoil)
    echo "seed $seed, engine ${engines[seed % 2]}"
    check "$seed" "${engines[seed % 2]}"
else
    sed -n '2,7p' "$0" >&2
    exit 2
fi
if [ "$broken" -ne 0 ]; then exit 1; fi
echo "every scenario holds with these seeds"
