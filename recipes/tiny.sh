#!/usr/bin/env bash
# The bundled bridge.
#
#   recipes/tiny.sh CORPUS_DIR FIRST_BRIDGE OUT
#
# CORPUS_DIR    the six corpus files named below
# FIRST_BRIDGE  the bridge it starts from: all-MiniLM-L6-v2's own layers as a decoder (docs/bridges.md)
# OUT           the bridge directory; the rounds before it lie in OUT.second, OUT.third, ..., checkpoints in OUT.run,
#               OUT.second.run, ..., and the same command resumes there
set -euo pipefail
corpus=$1 first=$2 out=$3

train() {
  smotext train "$corpus"/{changelog_transcripts,digitalgov,gutenberg_third,medquad,sgd_dialogues,wikipedia_en_2014}.jsonl.xz \
    --encoder tiny --clean --max-tokens-per-word 1.5 --held-out 1000 \
    --train all --optimizer muon --learning-rate 8e-4 --beta2 0.98 --noise 0.1 --prompt 0 --precision bfloat16 \
    --data "Wikipedia | core articles of English Wikipedia, 2014 | CC BY-SA" \
    --data "Project Gutenberg | English books | public domain (US)" \
    --data "The Changelog | podcast transcripts | CC BY-SA 4.0" \
    --data "MedQuAD | medical questions and answers | CC BY 4.0" \
    --data "Schema-Guided Dialogue | user and assistant turns | CC BY-SA 4.0" \
    --data "digital.gov | articles | CC0, public domain (US)" \
    --data "all-MiniLM-L6-v2 | where the decoder's layers and embeddings began | Apache-2.0" \
    "$@"
}

# Second round: one or two sentences of up to 32 tokens.
[ -d "$out.second" ] || train --bridge "$first" --out "$out.second" \
  --max-tokens 32 --max-sentences 2 --max-passages 180000 --batch-size 256 --epochs 20 --max-steps 921 --random-seed 0

# Third round: up to four sentences of up to 64 tokens, larger steps, the weights of the last tenth averaged.
longer="--max-tokens 64 --max-sentences 4 --batch-size 512 --average-from 0.9"
[ -d "$out.third" ] || train --bridge "$out.second" --out "$out.third" $longer \
  --max-passages 400000 --max-steps 740 --random-seed 1 --guidance 1.0

# Fourth round: the same with other passages.
[ -d "$out.fourth" ] || train --bridge "$out.third" --out "$out.fourth" $longer \
  --max-passages 250000 --max-steps 480 --random-seed 2

# Fifth round: beside its guidance head, which has been added to what it wrote until now and not to what it learned.
[ -d "$out.fifth" ] || train --bridge "$out.fourth" --out "$out.fifth" $longer \
  --max-passages 140000 --max-steps 260 --random-seed 3 --guidance 1.5 --trained-guidance 1.0

# Sixth round: for the cosine itself, also between two texts; the others' loss goes on in it.
train --bridge "$out.fifth" --out "$out" --max-tokens 64 --max-sentences 4 --max-passages 10000 --random-seed 4 \
  --stage 3 --learning-rate 2e-4 --batch-size 96 --candidates 6 --risk-weight 10 --noise 0.05 --mix-share 0.3 --max-steps 70
# Its weight by the scores: the least, in tenths, at which one sampled text comes within 0.75 of its vector.
sed -i 's/"guidance": 1.5/"guidance": 1.4/' "$out/smotext.json"
