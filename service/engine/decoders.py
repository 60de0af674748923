"""Which decoder a stream gets, from its options and the bundle's defaults."""

from dataclasses import replace
from typing import Any

from service.engine.beam import BeamDecoder, BeamTuning
from service.engine.boosting import boosted_words
from service.engine.bundle import Bundle
from service.engine.decoding import CtcDecoder
from service.engine.decoding_defaults import DecodingDefaults
from service.engine.greedy import GreedyDecoder
from service.engine.joint_beam import JointDecoder
from service.engine.language_model import LanguageModel, ShallowFusion
from service.engine.options import RecognitionOptions
from service.engine.pronouncing import PronunciationDecoder
from service.engine.said_boosts import build_said_boosts
from service.engine.text_judge import SoundWeights, TextJudge
from service.engine.vocabulary import Vocabulary

_BOOSTED_WIDTH = 1.5
"""A beam that has phrases boosted is wider by this factor."""

_PRONOUNCED_WIDTH, _SPELLED_WIDTH = 2, 0.25
"""Of two searches, that for pronounced words finds most texts: it is wider, the other narrower."""

_FEW_SPELLED = 32  # but no narrower than this if as many are asked for

_SPELLED_MARGIN = 10.0  # nats; the spelled beam's, where there are two searches


def make_decoder(
    bundle: Bundle, language_model: LanguageModel | None, options: RecognitionOptions
) -> CtcDecoder[Any]:
    """What reads the bundle's log-probabilities as the options say, or else the bundle."""
    if options.decoder == "greedy":
        return GreedyDecoder(bundle.vocabulary, bundle.blank_id)
    tuning = _tuning(bundle, language_model, options)
    # What may become a boosted word would take places from texts without one.
    width = round(options.beam_width * (_BOOSTED_WIDTH if options.boost else 1))
    vocabulary = Vocabulary(bundle.vocabulary, bundle.blank_id)
    weights = SoundWeights(bundle.decoding.letter_weight, bundle.decoding.phoneme_weight)
    if _says_words(tuning) and weights.phonemes:
        return joint_decoder(vocabulary, tuning, weights, width, options.nbest)
    return BeamDecoder(bundle.vocabulary, bundle.blank_id, width, options.nbest, tuning)


def joint_decoder(
    vocabulary: Vocabulary, tuning: BeamTuning, weights: SoundWeights, beam_width: int, nbest: int
) -> JointDecoder:
    """Both searches, whose language model knows how its words are said."""
    assert tuning.fusion is not None
    model = tuning.fusion.language_model.saying(boosted_words(tuning.boosts, vocabulary))
    fusion = replace(tuning.fusion, language_model=model)
    tuning = replace(tuning, beam_margin=_SPELLED_MARGIN)
    num_spelled = max(round(_SPELLED_WIDTH * beam_width), min(beam_width, _FEW_SPELLED))
    spelling = BeamDecoder(vocabulary.symbols, vocabulary.blank_id, num_spelled, nbest, tuning)
    alone = weights.letters + weights.phonemes  # as though letters agreed with phonemes
    boosts = build_said_boosts(spelling.words.boosts, tuning.boosts, vocabulary, fusion)
    pronouncing = PronunciationDecoder(fusion, alone, _PRONOUNCED_WIDTH * beam_width, boosts)
    judge = TextJudge(vocabulary, spelling.words, model.start(), model.lexicon, weights)
    return JointDecoder(vocabulary, spelling, pronouncing, judge, nbest)


def _says_words(tuning: BeamTuning) -> bool:
    fusion = tuning.fusion
    if not (fusion and fusion.lm_weight):
        return False
    return fusion.language_model.pronunciations is not None


def _tuning(
    bundle: Bundle, language_model: LanguageModel | None, options: RecognitionOptions
) -> BeamTuning:
    defaults = bundle.decoding
    word_bonus = defaults.word_bonus if options.word_bonus is None else options.word_bonus
    lm_weight = defaults.lm_weight if options.lm_weight is None else options.lm_weight
    fusion = None
    if language_model is not None:
        cost = defaults.oov_letter_log_prob
        fusion = ShallowFusion(language_model, lm_weight, word_bonus, cost)
    bonuses = _symbol_bonuses(defaults, bundle.blank_id) if fusion and lm_weight else ()
    return BeamTuning(
        fusion=fusion, word_bonus=word_bonus, symbol_bonuses=bonuses, boosts=options.boost
    )


def _symbol_bonuses(defaults: DecodingDefaults, blank_id: int) -> tuple[float, ...]:
    """Each symbol's -prior_weight * ln(prior / the blank's prior): the blank stays as it is."""
    if not defaults.log_priors:
        return ()
    blank = defaults.log_priors[blank_id]
    return tuple(-defaults.prior_weight * (prior - blank) for prior in defaults.log_priors)
