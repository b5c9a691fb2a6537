#!/usr/bin/env bash
# The bundled bridge, in one command: about three and a half hours of one core of a CPU with bfloat16 products.
#
#   recipes/tiny.sh CORPUS_DIR OUT
#
# CORPUS_DIR    the six corpus files named below
# OUT           the bridge directory; those of earlier rounds lie in OUT.first, OUT.second and OUT.third. Stores,
#               checkpoints and metrics lie beside each in a folder with .run, and the same command resumes there
set -euo pipefail
corpus=$1 out=$2

files=("$corpus"/{changelog_transcripts,digitalgov,gutenberg_third,medquad,sgd_dialogues,wikipedia_en_2014}.jsonl.xz)
shared=(
  --encoder tiny --clean --max-tokens-per-word 1.8 --min-tokens 6 --max-tokens 60 --max-sentences 3 --equal-shares
  --group-size 8 --train projector+lora --lora-rank 16 --lora-alpha 32 --lora-learning-rate 2e-4 --beta2 0.98
  --batch-size 32 --micro-tokens 768 --precision bfloat16 --most-examples 4 --style-share 0.6 --noise 0.05 --mix-share 0.2
  --prompt 0
  --data "Wikipedia | core articles of English Wikipedia, 2014 | CC BY-SA"
  --data "Project Gutenberg | English books | public domain (US)"
  --data "The Changelog | podcast transcripts | CC BY-SA 4.0"
  --data "MedQuAD | medical questions and answers | CC BY 4.0"
  --data "Schema-Guided Dialogue | user and assistant turns | CC BY-SA 4.0"
  --data "digital.gov | articles | CC0, public domain (US)"
)

# First round: from the bare language model. The guidance head is fitted to all passages of the store.
smotext train "${files[@]}" --out "$out.first" "${shared[@]}" --lm smollm2-135m --prompt-style list \
  --projector-type mlp2x_gelu --soft-tokens 4 --guidance 1.0 --guidance-alone 1.4 \
  --document-share 0.4 --max-passages 150000 --held-out 600 --learning-rate 2e-3 --warmup-ratio 0.02 --final-ratio 0.05 \
  --example-share 0.7 --trained-guidance 1.0 --max-minutes 75 --random-seed 0

# Second and third round: other passages, a lower rate, and more prompts without examples.
later=(--document-share 0.12 --held-out 200 --learning-rate 1e-3 --warmup-ratio 0.03 --example-share 0.55)
smotext train "${files[@]}" --out "$out.second" "${shared[@]}" "${later[@]}" --bridge "$out.first" \
  --trained-guidance 1.0 --max-passages 48000 --final-ratio 0.03 --max-minutes 46 --random-seed 7
smotext train "${files[@]}" --out "$out.third" "${shared[@]}" "${later[@]}" --bridge "$out.second" \
  --trained-guidance 1.0 --max-passages 60000 --final-ratio 0.02 --max-minutes 56 --random-seed 11

# Fourth round: beside the head at half its weight, the bridge has to say more of the vector itself.
smotext train "${files[@]}" --out "$out" "${shared[@]}" "${later[@]}" --bridge "$out.third" \
  --trained-guidance 0.5 --max-passages 30000 --final-ratio 0.02 --max-minutes 29 --random-seed 13
