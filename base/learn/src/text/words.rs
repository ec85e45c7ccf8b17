//! Word lists of our own, from general knowledge: what people name things after.

/// Frequent English words.
pub const ENGLISH: &str = "able about account active actual adventure advice aero after again age agent agency air alert alive all \
alpha always amazing amber ample anchor angel animal answer apart apple april arcade archive area arena arm army arrow art article \
ask asset atlas august author auto avenue away baby back bad badge bag bake balance ball band bank bar bargain base basic basket bath \
battle bay beach beam bean bear beauty bed bee beer bell belt bench best better beyond bid big bike bill bird birth bit bite black \
blade blank bless blind block blog blood bloom blue board boat body bold bolt bone bonus book boost boot border born boss both \
bottle bottom box boy brain branch brand brave bread break breeze brick bridge bright bring broad brother brown brush buck bud budget \
buddy build bull bundle burn bus bush business busy butter button buy buyer buzz cabin cable cake call calm camera camp campus can \
candle candy canvas capital captain car card care career cargo carpet carry cart case cash cast castle cat catalog catch cause \
cave cell center central century chain chair champion chance change channel chapter charge charity chart chat cheap check cheese \
cherry chess chest chicken chief child children choice church cinema circle city civic claim class classic clean clear clever click \
client climate climb clinic clock close cloth cloud clover club coach coast coat code coffee coin cold collect college color column \
combo come comfort comic common company compare compass complete concept concert connect contact content contest control cook cool \
copper copy core corner cost cotton couch council count country couple coupon course court cover cow craft crazy cream create credit \
creek crew cross crowd crown cruise crystal cube culture cup cure current custom cut cycle daily dance danger dark dash data date \
dating daughter dawn day deal dear decor deep deer delight delivery delta demo dental depot desert design desk detail develop device \
dial diamond diary diet digital dinner direct director dirty discount discover dish disk diver doctor dog doll dollar domain door \
double down draft dragon draw dream dress drink drive driver drop drum dry duck due dust duty eagle early earth east easy eat echo \
eco edge edit education effect egg eight elder electric element elite email ember empire empty energy engine english enjoy enter \
entry epic equal equip error escape essay estate euro even evening event ever every exam excel exchange exit expert explore export \
express extra extreme eye fabric face fact factor factory fair faith fall fame family famous fan fancy fantasy far farm fashion fast \
father favor fear feast feather feature fee feed feel female fence festival fiber field fight figure file fill film filter final \
finance find fine finger finish fire firm first fish fit fitness five fix flag flame flash flat flavor fleet flex flight flip float \
floor flow flower fluid fly focus fold folk follow food foot football force forest forever form formula fort forum forward found \
fountain four fox frame free freedom fresh friend frog front frost fruit fuel full fun fund funny fur furniture fusion future gadget \
gain galaxy gallery game gaming garage garden gas gate gather gear gem gene general genius gentle ghost giant gift girl give glad \
glass global globe glory glove go goal gold golden golf good grace grade grand grant grape graph grass gray great green grid ground \
group grow growth guard guest guide guild guitar gun guru gym habit hack hair half hall hammer hand handy happy harbor hard harmony \
harvest hat hawk head heal health heart heat heaven heavy helix hello help herb heritage hero hidden high hill hint hip hire history \
hit hobby hockey hold holiday hollow holy home honest honey hope horizon horse hospital host hot hotel hour house hub human hunt \
hunter hybrid ice icon idea ideal image impact import inbox inch index indigo info inn inner insight inspire instant insurance \
intense inter internet invest iron island item ivory jack jacket jade jazz jeans jet jewel job join joint joke journal journey joy \
judge juice jump june jungle junior just keen keep key kick kid kids kind king kingdom kiss kit kitchen kite knight know lab label \
labor lady lake lamp land lane language large laser last late laugh launch laundry law lawyer layer lead leader leaf league learn \
lease leather leave legacy legal legend lemon lend lesson letter level liberty library license life lift light like lily lime limit \
line link lion lip liquid list listen literary little live living load loan local lock lodge logic logo long look loop lord lost lot \
lotus loud lounge love lovely low loyal luck lucky lunch luxury machine magazine magic magnet mail main major make maker male mall \
man manager mango manual map maple marble march margin marine mark market marriage mart mass master match mate math matrix matter max \
may meal mean measure meat media medical meet mega melody member memory men menu merchant mercy merry message metal meter method \
metro micro middle might mile milk mill mind mine mini mint minute mirror miss mission mix mobile model modern mom moment monday \
money monitor monkey monster month mood moon more morning mortgage moss mother motion motor mountain mouse mouth move movie music \
must mystery myth name nation national native natural nature navy near neat need nerd nest net network never new news next nice night \
nine noble node noise north nose note nova novel now number nurse nut oak oasis ocean off offer office official oil old olive omega \
once one onion online only open opera option orange orbit orchid order organic origin other outdoor outlet outside oven over owl \
own oxygen pace pacific pack page paint pair palace palm panda panel paper parade paradise parent park part partner party pass \
passion past path patrol pattern pay peace peak pearl pen people pepper perfect perfume period person pet petal phase phone photo \
piano pick picture piece pig pilot pine pink pioneer pipe pixel pizza place plain plan plane planet plant plastic plate platform \
play player plaza please plus pocket poem poet point poker polar police policy polish pool poor pop popular port portal post poster \
pot power practice prairie premier premium press prestige pretty price pride prime prince print prize pro problem process product \
profile profit program project promo proof property protect proud public pulse pump punch pupil pure purple purpose push puzzle \
quality quantum queen quest question quick quiet quiz quote rabbit race rack radar radio rail rain rainbow raise ranch range rank \
rapid rare rate raven raw ray reach read reader ready real realty reason record red reef register relax relief rent repair report \
rescue research resort resource rest result retail retro reunion review reward rhythm rice rich ride right ring rise river road \
robot rock rocket rodeo roll roof room root rose rough round route royal ruby rule run rural rush safari safe sage sail saint salad \
sale salon salt same sand sapphire save savvy scale scene school science scout screen script sea search season seat second secret \
secure see seed select self sell senior sense serve service session set seven shade shadow shape share shark sharp sheep shell shelter \
shield shift shine ship shirt shoe shoes shop shopping shore short shot show side sierra sight sign signal silent silk silver simple \
sister site six size skate skill skin sky sleep slice slide slim slow small smart smile smoke smooth snack snake snap snow soap \
social soft solar soldier solid solution some song sonic soul sound source south space spark speak special speed spice spider spirit \
sport sports spot spring square squad stack staff stage star start state station status stay steel stellar step stock stone stop store \
storm story stream street strike strong student studio study stuff style success sugar suit summer summit sun super supply support \
sure surf surplus sweet swift swim switch symbol system table tail take tale talent talk tall tank target task taste tax taxi tea \
teach teacher team tech teen temple tennis test text thank theme think third three thunder ticket tide tiger tile time tiny tip \
titan title today toe together token tomorrow tone tool tools top torch total touch tour town toy track trade trader trail train \
transfer travel treasure treat tree trek trend trial tribe trick trip tropic truck true trust truth try tube tune turbo turn turtle \
tutor twin twist two ultra uncle under union unique unit unity universal up upper urban use user vacation valley value van vault vector \
vegan velvet venture venus version very vet vibe victory video view villa village vintage violet vip virtual vision visit visual vital \
vivid voice volt vote voyage wagon walk wall want war warm wash watch water wave way wealth wear weather web wedding week welcome \
well west wet whale wheel where white whole wholesale wide wife wild will win wind window wine wing winner winter wire wisdom wise \
wish with wolf woman women wonder wood wool word work worker world worth wow wrap write writer yacht yard year yellow yes yoga young \
your youth zen zero zone zoo zoom";

/// Frequent words of other European languages, without accents, as in host names.
pub const EUROPEAN: &str = "haus auto bahn bank bau berg bild blatt blume brief buch burg computer dorf druck essen fahrrad feuer \
fisch flug frau freund garten geld gesundheit gruppe handel heim hilfe hof holz hotel immobilien jahr jugend kauf kinder kirche \
klinik koch kunst laden land leben liebe macht markt mein mobel musik nacht natur online pferd platz post rat recht reise schule \
schloss schuh see shop spiel sport stadt stern strasse tag technik tier tisch urlaub verein verlag versicherung wald wasser wein \
welt werk wetter wirtschaft wohnung zeit zeitung zentrum zimmer maison achat amour ami annonce argent art banque beaute bebe belle \
bien bijoux boutique bureau cadeau chat chaussure cheval ciel cuisine demain eau ecole emploi enfant ensemble femme ferme fete \
fleur france gare grand jardin jeu jeux jour lettre livre location lumiere maman marche mariage meilleur mer meteo moi monde \
montagne mode nuit orange pain paris petit peinture plage pomme porte prix rencontre reve rouge sante soleil sud terre toile travail \
vacances vente vert vie ville vin voiture voyage casa agua amigo amor ayuda azul banco barrio belleza bueno calle camino campo cancion \
carro chico cielo ciudad coche cocina comida compra corazon cosa cuenta deporte dia dinero escuela espacio estrella familia fiesta \
flor futbol gente gratis guia hijo hogar hombre hora hoy huerta juego juegos libro luna luz madre mano mar mejor mercado mesa mujer \
mundo musica nacional noche noticias nuevo oferta oro padre pais pan papel paz perro piel playa pueblo puerta radio red regalo rey \
rio ropa salud sangre sol sueno tiempo tienda tierra trabajo turismo universidad venta verde viaje vida viento voz zapato acqua \
albergo amore bambini bella bello bene bianco calcio cane canzone capelli cibo citta corso cucina cuore denaro donna dolce festa \
fiore foto gatto gelato giardino gioco giochi giorno giornale grande isola lavoro legge libri mare mercato moda moglie mondo nave \
neve notte nuovo ora pace pasta pesce piazza prezzo primo ragazzo ricetta roma rosso sale scuola sera settimana sogno sole spesa \
stella storia strada tempo terra uomo vacanza vento viaggi vino vita volo auto dom dzien dobry kobieta kot ksiazka kuchnia las lato \
lekarz ludzie mama miasto mieszkanie moda morze nauka nowy ogrod okno panstwo pies polska praca prawo sklep slowo spoda sprzet szkola \
swiat telefon tanie woda zdrowie zima zycie film gry forum kupon huis fiets winkel werken goed groen kind leven nieuws school wonen \
water boek boot bloem koop markt nederland reizen zorg bedrijf verhuur hem hus barn bil bok butik dag djur familj fisk flicka hjarta \
kvinna kok land liv mat ny pengar resa sjo skola skog sol stad tid vatten varld ar ev araba bilgi cocuk deniz dunya ekmek film gazete \
gunes haber hayat indir izle kadin kitap kiz kolay market moda muzik okul oyun oyunlar para saglik sehir sohbet spor tatil uzman yemek \
yol yeni dizi sinema turk turkiye istanbul novosti mir dom kniga zhizn rabota gorod den moskva rossiya vremya deti igra igry kino \
muzyka pogoda pravda sport zdorovie avto forum magazin mama master remont svet stroy torg znakomstva";

/// Given names and family names.
pub const NAMES: &str = "james john robert michael david william richard joseph thomas charles daniel matthew anthony mark paul \
steven andrew kenneth george joshua kevin brian edward ronald timothy jason jeffrey ryan jacob gary nicholas eric jonathan stephen \
larry justin scott brandon benjamin samuel frank gregory raymond patrick alexander jack dennis jerry tyler aaron jose henry adam \
douglas nathan peter zachary kyle walter harold jeremy ethan carl keith roger gerald christian terry sean arthur austin noah lawrence \
jesse joe bryan billy jordan albert dylan bruce willie gabriel alan juan logan wayne ralph roy eugene randy vincent russell louis \
philip bobby johnny bradley mary patricia jennifer linda elizabeth barbara susan jessica sarah karen lisa nancy betty sandra margaret \
ashley kimberly emily donna michelle carol amanda melissa deborah stephanie rebecca laura helen sharon cynthia kathleen amy angela \
shirley anna ruth brenda pamela nicole katherine virginia catherine christine samantha debra janet rachel carolyn emma maria heather \
diane julie joyce evelyn joan victoria kelly christina lauren frances martha judith cheryl megan andrea olivia ann jean alice jacqueline \
hannah doris kathryn gloria teresa sara janice marie julia grace judy theresa rose beverly denise marilyn amber danielle brittany diana \
abigail jane natalie lori tiffany alexis kayla smith johnson williams brown jones garcia miller davis rodriguez martinez hernandez lopez \
gonzalez wilson anderson taylor moore jackson martin lee perez thompson white harris sanchez clark ramirez lewis robinson walker young \
allen king wright torres nguyen hill flores green adams nelson baker hall rivera campbell mitchell carter roberts gomez phillips evans \
turner diaz parker cruz edwards collins reyes stewart morris morales murphy cook rogers gutierrez ortiz morgan cooper peterson bailey \
reed kelly howard ramos kim cox ward richardson watson brooks chavez wood bennett gray mendoza ruiz hughes price alvarez castillo \
sanders patel myers long ross foster muller schmidt schneider fischer weber meyer wagner becker schulz hoffmann rossi russo ferrari \
esposito bianchi romano colombo ricci marino greco bruno gallo conti dubois durand leroy moreau simon laurent lefebvre michel ivanov \
petrov sidorov smirnov kuznetsov popov novak svoboda kowalski nowak kim park choi wang li zhang liu chen yang huang zhao wu zhou singh \
kumar sharma gupta khan ali ahmed hassan tanaka suzuki sato watanabe ito yamamoto";

/// Cities, countries and regions.
pub const PLACES: &str = "london paris berlin madrid rome vienna prague warsaw budapest lisbon dublin athens oslo stockholm helsinki \
copenhagen amsterdam brussels zurich geneva munich hamburg frankfurt cologne milan naples turin venice florence barcelona valencia \
sevilla porto lyon marseille nice bordeaux moscow kiev minsk riga vilnius tallinn sofia bucharest belgrade zagreb istanbul ankara izmir \
dubai tehran cairo lagos nairobi delhi mumbai chennai kolkata bangalore karachi dhaka bangkok hanoi saigon jakarta manila singapore \
tokyo osaka kyoto seoul busan beijing shanghai taipei hongkong sydney melbourne perth auckland toronto montreal vancouver boston \
newyork chicago dallas houston austin denver phoenix seattle portland miami orlando atlanta vegas sandiego sanjose oakland detroit \
mexico bogota lima quito santiago rio brasil chile peru cuba texas florida california ohio jersey virginia georgia carolina arizona \
nevada utah maine kansas iowa india china japan korea africa asia europe america canada spain italy france germany poland russia \
turkey israel egypt kenya ireland scotland wales england uk usa eu";

/// Endings and beginnings that companies give their names.
pub const AFFIXES: &str = "tech soft net web app hub lab labs ly ify io ex ix media group online shop store world zone box base point \
link works ware systems solutions consulting partners services global international inc corp ltd pro plus max one now go my the get i e \
24 365 360 4u 2go 123 77 99 88 tv fm hd xl ai it hq co";

/// Syllables of romanised Mandarin.
pub const PINYIN: &str = "ba bai ban bang bao bei ben bi bian biao bo bu cai can cao ce cha chang chao che chen cheng chi chong chu chuan \
chun ci cong da dai dan dang dao de deng di dian ding dong du duo er fa fan fang fei fen feng fu gai gan gang gao ge gong gou gu guan \
guang guo hai han hang hao he hei heng hong hou hu hua huan huang hui huo ji jia jian jiang jiao jie jin jing jiu ju jun kai kan kang ke \
kong ku kuai kun lai lan lang lao le lei li lian liang lin ling liu long lou lu luo lv ma mai man mao mei men meng mi mian min ming mo mu \
na nan neng ni nian ning niu nong pai pan pao pei peng pi pian pin ping po pu qi qian qiang qiao qin qing qiu qu quan ran re ren ri rong \
ru rui san sha shan shang shao she shen sheng shi shou shu shuang shui si song su sui sun suo tai tan tang tao te teng ti tian tiao tie \
ting tong tou tu tuan wan wang wei wen wo wu xi xia xian xiang xiao xie xin xing xiong xiu xu xuan xue ya yan yang yao ye yi yin ying \
yong you yu yuan yue yun za zai zao ze zeng zha zhan zhang zhao zhe zhen zheng zhi zhong zhou zhu zhuan zhuang zi zong zou zu zuo";

/// Syllables of romanised Japanese.
pub const ROMAJI: &str = "a i u e o ka ki ku ke ko sa shi su se so ta chi tsu te to na ni nu ne no ha hi fu he ho ma mi mu me mo ya yu yo \
ra ri ru re ro wa n ga gi gu ge go za ji zu ze zo da de do ba bi bu be bo pa pi pu pe po kya kyo sha shu sho cha cho ryo gyo";

/// Syllables of invented brand names.
pub const BRAND: &str = "a ad al am an ar as at ba ban bel bi bo bra bri ca can car ce cen ci co com con cor cre da dar de del den di do \
dra du e el em en er es eu ex fa fi fla flo fo for fu ga gen glo go gra ha he ho hy i ic in ino io is it ja jo ju ka ki ko la lan le len \
li lo lu ly ma man mar max me med men mi mo mon mu my na nar ne net ni no nor nu o on op or os ox pa pan par pe per pi pla po por pre pri \
pro qua ra ran re ri ro ru sa san se sen si sky so sol son sta ster su syn ta tam te tec tel ten ter ti to tor tra tri tro tu u ul um un \
ur us va van ve ver vi vo vox wa we wi xa xi xo ya yo za zen zi zo zu";

/// Abbreviations that stand in host names.
pub const HOSTS: &str = "www www2 www3 m mail mail2 smtp imap pop mx mx1 mx2 ns1 ns2 ns3 ftp sftp vpn api api2 app apps dev test stage \
staging beta prod cdn cdn1 cdn2 static static1 img img1 img2 images media assets files download downloads dl upload update updates blog \
shop store news forum wiki docs help support status portal login auth sso accounts account id secure pay payments billing admin panel \
cpanel webmail owa autodiscover remote gateway proxy cache edge lb lb1 web web01 web02 db db01 db1 sql mysql redis es kafka git gitlab \
jenkins ci build repo jira confluence chat meet video live stream tv play music maps search ads ad track tracking analytics stats metrics \
telemetry events log logs monitor nagios grafana backup nas print dc dc01 dc1 ad1 ldap kdc dns dhcp ntp time syslog siem wsus sccm erp crm \
hr intranet extranet partner customers client clients mobile ios android fonts safebrowsing clients1 ssl ocsp crl pki cert push notify \
notifications sync collector beacon pixel tags widget embed share s3 storage blob bucket";

/// Short forms, formats, and what much-visited sites are about.
pub const SHORT: &str = "mp3 mp4 pdf gif jpg png html css php sql js xml seo sms gsm gps usb pc tv dvd hd 3d 4k vr rss rpg mmo fps cms crm erp \
hr pr vip diy faq wiki blog vlog forum torrent tube xxx sex porn teen cam cams adult hot girl girls boys anime manga hentai nude tits milf \
gay escort casino poker slots bet bets betting lotto bingo crypto bitcoin btc coin forex loan loans cash credit bank visa paypal crack serial \
keygen warez apk mod mods hack hacks cheat cheats game games gamer soft software driver drivers download free best top my new 4you b2b p2p \
nba nfl fifa ufc f1 moto mma bmw vw gm ibm hp dell lg sap bbc cnn nbc abc fox usa uk eu nyc la sf dc gov edu uni univ inst univers \
bnp hsbc ing abn rbc tsb pnc usps ups dhl fedex kfc ikea gmbh llc ltd spa srl plc jobs job cv doc docs xls ppt zip rar iso img pic pics \
gifs meme memes lol wtf omg bbw ebay amzn goog fb ig yt msn aol qq wx wb jd tb 163 126 360 51 58 91 52 17 114 178 88 99 666 888 777 520 \
kinogo serial seriale filmy dizi izle oyun haber tamil telugu hindi desi bolly urdu arab islam quran movie movies song songs lyrics ringtone \
sarkari naukri result exam syllabus admission rto irctc pnr yojana khabar samachar akhbar khodro pars iran arz ahang dl film2";
