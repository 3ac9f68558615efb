#!/usr/bin/env bash
# Everything that only a GPU can show, in one command of at most 8 minutes; see README.md beside this file.
set -u
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd "$HERE/../.." || exit 1
OUT="${OUT:-gpu-results}"
mkdir -p "$OUT" || exit 1
OUT="$(cd "$OUT" && pwd)"
export OUT DEVICE="${DEVICE:-cuda}" PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TOKENIZERS_PARALLELISM=false
export HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 PYTHONPATH="$PWD:$PWD/benchmarks:$PWD/tests:$PWD/tests/training${PYTHONPATH:+:$PYTHONPATH}"
PYTHON="${PYTHON:-python3}"
if [[ $DEVICE == cuda ]]; then
    LLM="${LLM:-1b}" LARGE="${LARGE:-7b}"
    STAGES="${STAGES:-ceilings tests commands training engine kernels extraction lora compiled}"
else # a smoke test
    LLM="${LLM:-tiny}" LARGE="${LARGE:-tiny}"
    STAGES="${STAGES:-ceilings commands training engine kernels extraction}"
fi
BUDGET="${BUDGET:-450}" # seconds in all: what does not fit any more is left out
BEGAN=$(date +%s)

say() { echo "=== $(( $(date +%s) - BEGAN )) s: $*" >&2; }
stage() { # NAME LIMIT_S COMMAND...
    local name=$1 limit=$2 left=$(( BUDGET - $(date +%s) + BEGAN )) code
    shift 2
    [[ " $STAGES " == *" ${name%-*} "* ]] || return
    (( limit = left < limit ? left : limit ))
    if (( limit < 15 )); then say "$name: no time left"; return; fi
    say "$name, at most $limit s"
    timeout -k 5 "$limit" "$@" > "$OUT/log-$name.txt" 2>&1
    code=$?
    echo "{\"stage\": \"$name\", \"exit\": $code, \"ended_at_s\": $(( $(date +%s) - BEGAN ))}" >> "$OUT/stages.jsonl"
    [[ $code == 0 ]] || { say "$name ended with exit code $code; its last lines:"; tail -12 "$OUT/log-$name.txt" | cut -c1-300 >&2; }
}

rm -f "$OUT"/part-*.json "$OUT"/log-*.txt "$OUT"/stages.jsonl "$OUT"/tests.xml "$OUT"/commands.txt
stage ceilings 60 "$PYTHON" "$HERE/ceilings.py"
# nothing of these two is timed: on a GPU they run beside each other. Warnings are shown: versions may differ here
TESTS=(
    tests/model/test_on_gpu.py tests/training/data/test_batches.py tests/training/steps/test_step_clock.py
    tests/encoders/test_byte_table.py tests/encoders/test_precision.py tests/model/test_row_layout.py tests/model/test_chunked_loss.py tests/model/test_alignment.py
)
stage tests 120 "$PYTHON" -m pytest -o filterwarnings=default -p no:cacheprovider --timeout=100 \
    --junitxml="$OUT/tests.xml" "${TESTS[@]}" &
stage commands 140 "$PYTHON" "$HERE/commands.py" &
wait
stage training 100 "$PYTHON" "$HERE/training.py" --llm "$LLM"
stage engine 60 "$PYTHON" "$HERE/engine.py" --llm "$LLM"
stage kernels 60 "$PYTHON" "$HERE/kernels.py"
stage extraction 90 "$PYTHON" "$HERE/extraction.py"
stage lora-training 45 "$PYTHON" "$HERE/training.py" --llm "$LARGE" --lora
stage lora-engine 45 "$PYTHON" "$HERE/engine.py" --llm "$LARGE" --lora
stage compiled 70 "$PYTHON" "$HERE/training.py" --llm "$LLM" --compile
say "done; everything is in $OUT"
"$PYTHON" "$HERE/summary.py"
