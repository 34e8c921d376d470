"""Makes reference.json, the vectors of TestReference: python3 make_reference.py > reference.json

Normal forms and words come from Python's unicodedata and casefold, pieces from Hugging Face's tokenizers 0.23, bags from
scikit-learn 1.9 (pip install tokenizers scikit-learn). The texts are our own.
"""
import json, sys, unicodedata
from sklearn.feature_extraction.text import TfidfVectorizer
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

english = """The tokenizer splits every word into pieces that are frequent in the training texts.
A frequent word is one piece, and a rare word is several pieces.
Training counts the words, joins the most frequent pieces, and counts the pieces again.
Splitting the training texts into words is the first step of training.
Every text of the training split is counted once, and the test texts are never counted.
The first piece of a word starts the word; the other pieces continue the word.
Pieces of rare words are joined again and again until the vocabulary is large enough.
A large vocabulary has whole words, a small vocabulary has short pieces.
Testing the tokenizer on texts that it has never seen is the last step.
Never split the test texts with a vocabulary of the test texts.""".split("\n")

texts = english + [
    "", "   ", "one", "it's 5€, isn't it?", "snake_case and kebab-case/slashes", "Developer / Languages|Math",
    "tab\tnew\nline  double\u00a0space\u3000wide\u2028separator\u0085next",
    "Crème brûlée à la carte — naïve façade", "Cre\u0300me bru\u0302le\u0301e a\u0300 la carte", "STRASSE Straße STRAẞE",
    "ΟΔΟΣ οδός Οδος", "ИМДБ фильм 12,50€", "ﬁne ligature Å ﷺ ① ½ ™ …", "ｆｕｌｌ　ｗｉｄｔｈ！", "北京大学生前来应聘", "日本語テキストです。",
    "한국어 텍스트 한글", "हिन्दी में पाठ", "שלום עולם", "مرحبا بالعالم \u200fنص", "emoji 😀👩\u200d👩\u200d👧 ❤\ufe0f 👍🏽 and flags 🇮🇹",
    "\u200bzero\ufeffwidth\x00nul\x07bell so\u00adft", "ǅungla ǆungla Ǆungla", "a" * 230, "é" * 130, "1,234.56 e-mail: a.b@c.de #tag", "x\u0301\u0323 x\u0323\u0301",
    "\u00a8 \u00b4 \ufdfa", "ŉ ǰ ΐ և", "𝒜𝓁𝓅𝒽𝒶 𝟙𝟚", "㍿ ㌀ ㎏", "Ⅷ Ⅻ ⅷ", "c\u0327\u0301 \u00e7\u0301", "𠀀𪜀丽", "߷߸ ߊߋ",
]

ideographs = [(0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2A6DF), (0x2A700, 0x323AF)]

def dropped(c):
    if c.isspace():
        return False
    n = ord(c)
    return (unicodedata.category(c) in ("Cc", "Cf", "Co", "Cs") or n in (0xFFFD, 0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0)
            or 0xFE00 <= n <= 0xFE0F or 0xE0000 <= n <= 0xE0FFF or 0x180B <= n <= 0x180F)

def words(s):
    s = "".join(c for c in s if not dropped(c))
    s = unicodedata.normalize("NFKC", s).replace("İ", "i")
    s = unicodedata.normalize("NFKC", s.casefold())
    out, word = [], ""
    for c in s + " ":
        apart = c.isspace() or unicodedata.category(c)[0] in "PS" or any(a <= ord(c) <= b for a, b in ideographs)
        if word and (apart or len(word) == 100):
            out.append(word)
            word = ""
        if not apart:
            word += c
        elif not c.isspace():
            out.append(c)
    return out

split = [words(s) for s in texts]
t = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
t.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
t.train_from_iterator([" ".join(w) for w in split[:len(english)]] * 2 + [" ".join(w) for w in split],
                      trainers.WordPieceTrainer(vocab_size=600, special_tokens=["[PAD]", "[UNK]"], show_progress=False))
vocabulary = t.get_vocab()
tokens = sorted(vocabulary, key=vocabulary.get)
ids = [t.encode(" ".join(w)).ids for w in split]
# Words that were not trained on, of known characters; where Hugging Face has one unknown id for a word of unknown pieces, the
# word is not in the list.
for a, b in zip(english, english[1:]):
    s = " ".join(x[:len(x) // 2] + y[len(y) // 2:] for x, y in zip(a.split(), b.split()))
    texts.append(s)
    split.append(words(s))
    ids.append(t.encode(" ".join(words(s))).ids)
bad = [i for i, x in enumerate(ids) if 1 in x]
if bad:
    sys.exit("unknown pieces in " + repr([texts[i] for i in bad]))

v = TfidfVectorizer(sublinear_tf=True, token_pattern=r"(?u)\b\w+\b", min_df=2)
matrix = v.fit_transform(english).toarray()
json.dump({"texts": texts, "words": split, "tokens": tokens[2:], "ids": ids, "english": len(english),
           "bag": list(v.get_feature_names_out()), "tfidf": [[round(x, 7) for x in row] for row in matrix]},
          sys.stdout, ensure_ascii=True, separators=(",", ":"))
