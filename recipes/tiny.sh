#!/usr/bin/env bash
# The bundled bridge, in one command: about 75 minutes of one core of a CPU with bfloat16 products.
#
#   recipes/tiny.sh CORPUS_DIR OUT
#
# CORPUS_DIR    the six corpus files named below
# OUT           the bridge directory; the store, the checkpoint and metrics lie in OUT.run, and the same command resumes
#               there
set -euo pipefail
corpus=$1 out=$2

smotext train "$corpus"/{changelog_transcripts,digitalgov,gutenberg_third,medquad,sgd_dialogues,wikipedia_en_2014}.jsonl.xz \
  --out "$out" --lm smollm2-135m --encoder tiny --prompt-style list --projector-type mlp2x_gelu --soft-tokens 4 \
  --clean --max-tokens-per-word 1.8 --min-tokens 6 --max-tokens 60 --max-sentences 3 --held-out 600 \
  --equal-shares --document-share 0.4 --max-passages 150000 --group-size 8 \
  --train projector+lora --lora-rank 16 --lora-alpha 32 --learning-rate 2e-3 --lora-learning-rate 2e-4 --beta2 0.98 \
  --warmup-ratio 0.02 --final-ratio 0.05 --batch-size 32 --micro-tokens 768 --max-minutes 75 --precision bfloat16 \
  --most-examples 4 --example-share 0.7 --style-share 0.6 --noise 0.05 --mix-share 0.2 --prompt 0 \
  --guidance 1.0 --trained-guidance 1.0 --random-seed 0 \
  --data "Wikipedia | core articles of English Wikipedia, 2014 | CC BY-SA" \
  --data "Project Gutenberg | English books | public domain (US)" \
  --data "The Changelog | podcast transcripts | CC BY-SA 4.0" \
  --data "MedQuAD | medical questions and answers | CC BY 4.0" \
  --data "Schema-Guided Dialogue | user and assistant turns | CC BY-SA 4.0" \
  --data "digital.gov | articles | CC0, public domain (US)"
