package estest

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// tokenKind is a kind of token of Lucene's classic query syntax (QueryParser.jj), by the name that its errors use.
type tokenKind string

const (
	tokenEnd         tokenKind = "<EOF>"
	tokenAnd         tokenKind = "<AND>"
	tokenOr          tokenKind = "<OR>"
	tokenNot         tokenKind = "<NOT>"
	tokenPlus        tokenKind = `"+"`
	tokenMinus       tokenKind = `"-"`
	tokenBare        tokenKind = "<BAREOPER>" // +, - or ! before a space
	tokenOpen        tokenKind = `"("`
	tokenClose       tokenKind = `")"`
	tokenColon       tokenKind = `":"`
	tokenStar        tokenKind = `"*"`
	tokenCaret       tokenKind = `"^"`
	tokenNumber      tokenKind = "<NUMBER>"
	tokenQuoted      tokenKind = "<QUOTED>"
	tokenTerm        tokenKind = "<TERM>"
	tokenFuzzy       tokenKind = "<FUZZY_SLOP>"
	tokenPrefix      tokenKind = "<PREFIXTERM>"
	tokenWild        tokenKind = "<WILDTERM>"
	tokenRegexp      tokenKind = "<REGEXPTERM>"
	tokenFrom        tokenKind = `"["`
	tokenAfter       tokenKind = `"{"`
	tokenTo          tokenKind = `"TO"`
	tokenUpTo        tokenKind = `"]"`
	tokenBefore      tokenKind = `"}"`
	tokenRangeQuoted tokenKind = "<RANGE_QUOTED>"
	tokenRangeGoop   tokenKind = "<RANGE_GOOP>"
)

type luceneToken struct {
	kind  tokenKind
	image string
	at    int // characters before it
}

// luceneLexer cuts a query text into tokens. Within a range and after a caret other tokens are known than elsewhere.
type luceneLexer struct {
	text   string
	at     int // bytes
	ranged bool
	boost  bool
	tokens []luceneToken
}

const luceneSpace = " \t\n\r\u3000"

// tokenize is all tokens of a text, the end included.
func tokenize(text string) ([]luceneToken, error) {
	l := &luceneLexer{text: text}
	for {
		if !l.boost {
			l.at = len(text) - len(strings.TrimLeft(text[l.at:], luceneSpace))
		}
		if l.at == len(text) {
			return append(l.tokens, luceneToken{tokenEnd, "", utf8.RuneCountInString(text)}), nil
		}
		rest := text[l.at:]
		var kind tokenKind
		var size int
		switch {
		case l.ranged:
			kind, size = rangeToken(rest)
		case l.boost:
			kind, size = tokenNumber, number(rest)
		default:
			kind, size = commonToken(rest)
		}
		if size == 0 {
			return nil, l.lexical(rest)
		}
		l.tokens = append(l.tokens, luceneToken{kind, rest[:size], utf8.RuneCountInString(text[:l.at])})
		l.at += size
		l.ranged = kind == tokenFrom || kind == tokenAfter || l.ranged && kind != tokenUpTo && kind != tokenBefore
		l.boost = kind == tokenCaret
	}
}

// lexical is the error of a text that breaks off within a token.
func (l *luceneLexer) lexical(rest string) error {
	read := rest
	if utf8.RuneCountInString(rest) == 1 {
		read = ""
	}
	return syntaxError(fmt.Sprintf("Lexical error at line 1, column %d.  Encountered: <EOF> after : \"%s\"", utf8.RuneCountInString(l.text)+1, escaped(read)))
}

func escaped(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s)
}

// rangeToken is the first token of what stands in brackets or braces.
func rangeToken(s string) (tokenKind, int) {
	switch s[0] {
	case ']':
		return tokenUpTo, 1
	case '}':
		return tokenBefore, 1
	case '"':
		if n := quoted(s); n > 2 {
			return tokenRangeQuoted, n
		}
	}
	n := strings.IndexAny(s, " ]}")
	if n < 0 {
		n = len(s)
	}
	if s[:n] == "TO" {
		return tokenTo, n
	}
	return tokenRangeGoop, n
}

// commonToken is the first token outside of ranges: the longest one that fits.
func commonToken(s string) (tokenKind, int) {
	if n, wild := word(s); n > 0 {
		switch {
		case s[:n] == "*":
			return tokenStar, n
		case wild == 0:
			return keyword(s[:n]), n
		case wild == 1 && s[n-1] == '*' && !strings.HasSuffix(s[:n], `\*`):
			return tokenPrefix, n
		}
		return tokenWild, n
	}
	single := map[byte]tokenKind{'+': tokenPlus, '-': tokenMinus, '!': tokenNot, '(': tokenOpen, ')': tokenClose, ':': tokenColon,
		'^': tokenCaret, '[': tokenFrom, '{': tokenAfter}
	switch c := s[0]; c {
	case '+', '-', '!':
		if len(s) > 1 && strings.ContainsRune(luceneSpace, firstRune(s[1:])) {
			return tokenBare, 1 + utf8.RuneLen(firstRune(s[1:]))
		}
		return single[c], 1
	case '"':
		return tokenQuoted, quoted(s)
	case '/':
		if n := strings.IndexByte(strings.ReplaceAll(s[1:], `\/`, "  "), '/'); n >= 0 {
			return tokenRegexp, n + 2
		}
		return tokenRegexp, 0
	case '~':
		return tokenFuzzy, 1 + number(s[1:])
	default:
		if kind := single[c]; kind != "" {
			return kind, 1
		}
		return "", 0
	}
}

func firstRune(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

// keyword is the kind of a word without wildcards.
func keyword(s string) tokenKind {
	switch s {
	case "AND", "&&":
		return tokenAnd
	case "OR", "||":
		return tokenOr
	case "NOT":
		return tokenNot
	}
	return tokenTerm
}

// word is the length of the term, with or without wildcards, that s begins with, and how many wildcards it has. A backslash
// with nothing after it is no part of a term.
func word(s string) (n, wild int) {
	for n < len(s) {
		r, size := utf8.DecodeRuneInString(s[n:])
		switch {
		case r == '\\' && n+size < len(s):
			_, next := utf8.DecodeRuneInString(s[n+size:])
			size += next
		case r == '*' || r == '?':
			wild++
		case (r == '-' || r == '+') && n > 0:
		case strings.ContainsRune(luceneSpace+`+-!():^[]"{}~\/`, r):
			return n, wild
		}
		n += size
	}
	return n, wild
}

// quoted is the length of the phrase that s begins with; 0: it is not closed.
func quoted(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// number is the length of the number that s begins with.
func number(s string) int {
	digits := func(from int) int {
		for from < len(s) && s[from] >= '0' && s[from] <= '9' {
			from++
		}
		return from
	}
	n := digits(0)
	if n > 0 && n+1 < len(s) && s[n] == '.' && digits(n+1) > n+1 {
		return digits(n + 1)
	}
	return n
}
