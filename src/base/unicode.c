#include "base/unicode.h"

#include <stdint.h>

/* ---- composed letters (Unicode Standard, section 3.7; UnicodeData.txt) ---- */

/* For each mark, the letters composed with it, each followed by the letter without it: Latin, Greek, Cyrillic, kana. */
/* clang-format off */
static const struct {
    uint_least16_t mark;
    const uint_least16_t *letters;
} composed[] = {
    {0x0300, u"ÀAÈEÌIÒOÙUàaèeìiòoùuǛÜǜüǸNǹnЀЕЍИѐеѝиḔĒḕēṐŌṑōẀWẁwẦÂầâẰĂằăỀÊềêỒÔồôỜƠờơỪƯừưỲYỳyἂἀἃἁἊἈἋἉἒἐἓἑἚἘἛἙ"
             u"ἢἠἣἡἪἨἫἩἲἰἳἱἺἸἻἹὂὀὃὁὊὈὋὉὒὐὓὑὛὙὢὠὣὡὪὨὫὩὰαὲεὴηὶιὸοὺυὼωᾺΑῈΕῊΗ῍᾿ῒϊῚΙ῝῾ῢϋῪΥ῭¨ῸΟῺΩ"},
    {0x0301, u"ÁAÉEÍIÓOÚUÝYáaéeíióoúuýyĆCćcĹLĺlŃNńnŔRŕrŚSśsŹZźzǗÜǘüǴGǵgǺÅǻåǼÆǽæǾØǿø΅¨ΆΑΈΕΉΗΊΙΌΟΎΥΏΩΐϊάαέεήη"
             u"ίιΰϋόούυώωϓϒЃГЌКѓгќкḈÇḉçḖĒḗēḮÏḯïḰKḱkḾMḿmṌÕṍõṒŌṓōṔPṕpṸŨṹũẂWẃwẤÂấâẮĂắăẾÊếêỐÔốôỚƠớơỨƯứưἄἀἅἁἌἈἍἉ"
             u"ἔἐἕἑἜἘἝἙἤἠἥἡἬἨἭἩἴἰἵἱἼἸἽἹὄὀὅὁὌὈὍὉὔὐὕὑὝὙὤὠὥὡὬὨὭὩ῎᾿῞῾"},
    {0x0302, u"ÂAÊEÎIÔOÛUâaêeîiôoûuĈCĉcĜGĝgĤHĥhĴJĵjŜSŝsŴWŵwŶYŷyẐZẑzẬẠậạỆẸệẹỘỌộọ"},
    {0x0303, u"ÃAÑNÕOãañnõoĨIĩiŨUũuṼVṽvẪÂẫâẴĂẵăẼEẽeỄÊễêỖÔỗôỠƠỡơỮƯữưỸYỹy"},
    {0x0304, u"ĀAāaĒEēeĪIīiŌOōoŪUūuǕÜǖüǞÄǟäǠȦǡȧǢÆǣæǬǪǭǫȪÖȫöȬÕȭõȰȮȱȯȲYȳyӢИӣиӮУӯуḠGḡgḸḶḹḷṜṚṝṛᾱαᾹΑῑιῙΙῡυῩΥ"},
    {0x0306, u"ĂAăaĔEĕeĞGğgĬIĭiŎOŏoŬUŭuЎУЙИйиўуӁЖӂжӐАӑаӖЕӗеḜȨḝȩẶẠặạᾰαᾸΑῐιῘΙῠυῨΥ"},
    {0x0307, u"ĊCċcĖEėeĠGġgİIŻZżzȦAȧaȮOȯoḂBḃbḊDḋdḞFḟfḢHḣhṀMṁmṄNṅnṖPṗpṘRṙrṠSṡsṤŚṥśṦŠṧšṨṢṩṣṪTṫtẆWẇwẊXẋxẎYẏyẛſ"},
    {0x0308, u"ÄAËEÏIÖOÜUäaëeïiöoüuÿyŸYΪΙΫΥϊιϋυϔϒЁЕЇІёеїіӒАӓаӚӘӛәӜЖӝжӞЗӟзӤИӥиӦОӧоӪӨӫөӬЭӭэӰУӱуӴЧӵчӸЫӹыḦHḧhṎÕ"
             u"ṏõṺŪṻūẄWẅwẌXẍxẗt"},
    {0x0309, u"ẢAảaẨÂẩâẲĂẳăẺEẻeỂÊểêỈIỉiỎOỏoỔÔổôỞƠởơỦUủuỬƯửưỶYỷy"},
    {0x030A, u"ÅAåaŮUůuẘwẙy"},
    {0x030B, u"ŐOőoŰUűuӲУӳу"},
    {0x030C, u"ČCčcĎDďdĚEěeĽLľlŇNňnŘRřrŠSšsŤTťtŽZžzǍAǎaǏIǐiǑOǒoǓUǔuǙÜǚüǦGǧgǨKǩkǮƷǯʒǰjȞHȟh"},
    {0x030F, u"ȀAȁaȄEȅeȈIȉiȌOȍoȐRȑrȔUȕuѶѴѷѵ"},
    {0x0311, u"ȂAȃaȆEȇeȊIȋiȎOȏoȒRȓrȖUȗu"},
    {0x0313, u"ἀαἈΑἐεἘΕἠηἨΗἰιἸΙὀοὈΟὐυὠωὨΩῤρ"},
    {0x0314, u"ἁαἉΑἑεἙΕἡηἩΗἱιἹΙὁοὉΟὑυὙΥὡωὩΩῥρῬΡ"},
    {0x031B, u"ƠOơoƯUưu"},
    {0x0323, u"ḄBḅbḌDḍdḤHḥhḲKḳkḶLḷlṂMṃmṆNṇnṚRṛrṢSṣsṬTṭtṾVṿvẈWẉwẒZẓzẠAạaẸEẹeỊIịiỌOọoỢƠợơỤUụuỰƯựưỴYỵy"},
    {0x0324, u"ṲUṳu"},
    {0x0325, u"ḀAḁa"},
    {0x0326, u"ȘSșsȚTțt"},
    {0x0327, u"ÇCçcĢGģgĶKķkĻLļlŅNņnŖRŗrŞSşsŢTţtȨEȩeḐDḑdḨHḩh"},
    {0x0328, u"ĄAąaĘEęeĮIįiŲUųuǪOǫo"},
    {0x032D, u"ḒDḓdḘEḙeḼLḽlṊNṋnṰTṱtṶUṷu"},
    {0x032E, u"ḪHḫh"},
    {0x0330, u"ḚEḛeḬIḭiṴUṵu"},
    {0x0331, u"ḆBḇbḎDḏdḴKḵkḺLḻlṈNṉnṞRṟrṮTṯtẔZẕzẖh"},
    {0x0342, u"ἆἀἇἁἎἈἏἉἦἠἧἡἮἨἯἩἶἰἷἱἾἸἿἹὖὐὗὑὟὙὦὠὧὡὮὨὯὩᾶα῁¨ῆη῏᾿ῖιῗϊ῟῾ῦυῧϋῶω"},
    {0x0345, u"ᾀἀᾁἁᾂἂᾃἃᾄἄᾅἅᾆἆᾇἇᾈἈᾉἉᾊἊᾋἋᾌἌᾍἍᾎἎᾏἏᾐἠᾑἡᾒἢᾓἣᾔἤᾕἥᾖἦᾗἧᾘἨᾙἩᾚἪᾛἫᾜἬᾝἭᾞἮᾟἯᾠὠᾡὡᾢὢᾣὣᾤὤᾥὥᾦὦᾧὧᾨὨᾩὩᾪὪᾫὫᾬὬᾭὭ"
             u"ᾮὮᾯὯᾲὰᾳαᾴάᾷᾶᾼΑῂὴῃηῄήῇῆῌΗῲὼῳωῴώῷῶῼΩ"},
    {0x3099, u"がかぎきぐくげけごこざさじしずすぜせぞそだたぢちづつでてどとばはびひぶふべへぼほゔうゞゝガカギキグクゲケゴコザサジシズスゼセゾソダタヂチヅツデテドトバハビヒブフベヘボホヴウヷワヸヰヹヱ"
             u"ヺヲヾヽ"},
    {0x309A, u"ぱはぴひぷふぺへぽほパハピヒプフペヘポホ"},
};
/* clang-format on */

struct pair {
    uint_least16_t letter;
    uint_least16_t mark; /* 0: the letter is not composed */
};

enum { SLOTS = 0x800 };

/* Each letter that may be composed has a slot; all others share the first one, which stays empty. */
static unsigned slot_of(uint32_t point)
{
    if (point < 0x500)
        return point;
    if (point >= 0x1E00 && point < 0x2000)
        return point - 0x1900;
    return point >= 0x3000 && point < 0x3100 ? point - 0x2900 : 0;
}

static struct pair pair_of(uint32_t point)
{
    static struct pair pairs[SLOTS];
    static bool filled;
    for (size_t i = 0; !filled && i < sizeof composed / sizeof *composed; i++) {
        for (const uint_least16_t *at = composed[i].letters; *at != 0; at += 2)
            pairs[slot_of(at[0])] = (struct pair){at[1], composed[i].mark};
    }
    filled = true;
    return pairs[slot_of(point)];
}

/* The canonical combining class of the marks above; 0 for all others, which are not reordered (section 3.11). */
static unsigned class_of(uint32_t point)
{
    if (point < 0x300 || (point > 0x345 && point != 0x3099 && point != 0x309A))
        return 0;
    if (point <= 0x314 || point == 0x342)
        return 230;
    if ((point >= 0x323 && point <= 0x326) || point == 0x32D || point == 0x32E || point == 0x330 || point == 0x331)
        return 220;
    switch (point) {
    case 0x327:
    case 0x328:
        return 202;
    case 0x31B:
        return 216;
    case 0x345:
        return 240;
    case 0x3099:
    case 0x309A:
        return 8;
    default:
        return 0;
    }
}

/* ---- decomposition ---- */

enum {
    HANGUL = 0xAC00, /* its first syllable (3.12) */
    HANGUL_LEADS = 0x1100,
    HANGUL_VOWELS = 0x1161,
    HANGUL_TAILS = 0x11A7, /* one before the first: a syllable may have none */
    VOWELS = 21,
    TAILS = 28,
    SYLLABLES = 19 * VOWELS * TAILS,
    PARTS_MAX = 4,    /* of a letter above: three marks */
    CLUSTER_MAX = 32, /* longer ones are read as two */
    INVALID = 1 << 24,
    END = INVALID << 1,
};

/* A letter with the marks behind it, decomposed and in their canonical order. */
struct reader {
    struct span rest;
    uint32_t cluster[CLUSTER_MAX];
    unsigned count;
    unsigned next;
};

/* Takes a code point; a byte that is not UTF-8 equals itself only. */
static uint32_t take_point(struct span *text)
{
    size_t length = text_character(*text);
    uint32_t point = length > 0 ? text_code_point((struct span){text->at, length})
                                : (uint32_t)(INVALID | (unsigned char)text->at[0]);
    length += length == 0;
    *text = (struct span){text->at + length, text->length - length};
    return point;
}

static unsigned decompose_syllable(uint32_t index, uint32_t *parts)
{
    parts[0] = HANGUL_LEADS + index / (VOWELS * TAILS);
    parts[1] = HANGUL_VOWELS + index / TAILS % VOWELS;
    parts[2] = HANGUL_TAILS + index % TAILS;
    return index % TAILS == 0 ? 2 : 3;
}

/* Writes the parts of the code point; returns their number. */
static unsigned decompose(uint32_t point, uint32_t *parts)
{
    if (point >= HANGUL && point < HANGUL + SYLLABLES)
        return decompose_syllable(point - HANGUL, parts);
    uint32_t marks[PARTS_MAX];
    unsigned count = 0, written = 1;
    for (struct pair pair = pair_of(point); pair.mark != 0; pair = pair_of(point)) {
        marks[count++] = pair.mark;
        point = pair.letter;
    }
    parts[0] = point;
    while (count > 0)
        parts[written++] = marks[--count];
    return written;
}

static void sort_marks(uint32_t *cluster, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        uint32_t mark = cluster[i];
        unsigned class = class_of(mark), at = i;
        for (; class != 0 && at > 0 && class_of(cluster[at - 1]) > class; at--)
            cluster[at] = cluster[at - 1];
        cluster[at] = mark;
    }
}

static void read_cluster(struct reader *reader)
{
    reader->next = 0;
    reader->count = decompose(take_point(&reader->rest), reader->cluster);
    while (reader->rest.length > 0 && reader->count < CLUSTER_MAX) {
        struct span rest = reader->rest;
        uint32_t point = take_point(&rest);
        if (class_of(point) == 0)
            break;
        reader->cluster[reader->count++] = point;
        reader->rest = rest;
    }
    sort_marks(reader->cluster, reader->count);
}

static uint32_t next_part(struct reader *reader, size_t *work)
{
    if (reader->next == reader->count && reader->rest.length == 0)
        return END;
    if (reader->next == reader->count)
        read_cluster(reader);
    *work += UNICODE_WORK;
    return reader->cluster[reader->next++];
}

/* ---- the interface ---- */

static bool is_ascii(struct span text)
{
    size_t i = 0;
    while (i < text.length && (unsigned char)text.at[i] < 0x80)
        i++;
    return i == text.length;
}

bool unicode_is_equivalent(struct span a, struct span b, size_t *work)
{
    struct reader readers[2] = {{.rest = a}, {.rest = b}};
    uint32_t part;
    *work += b.length / 8;
    if (is_ascii(a) || is_ascii(b)) /* has one form only */
        return span_equal(a, b);
    do {
        part = next_part(&readers[0], work);
        if (part != next_part(&readers[1], work))
            return false;
    } while (part != END);
    return true;
}

bool unicode_is_decomposed(struct span text)
{
    uint32_t parts[PARTS_MAX];
    while (text.length > 0) {
        if (decompose(take_point(&text), parts) > 1)
            return false;
    }
    return true;
}
