"""Makes train.jsonl.zst and validation.jsonl.zst: chapters of English books published before 1900.

    python make_corpus.py OUT PROSE.jsonl.zst...

The prose files hold documents {"text", "source"}; those of the source "books" are chapters, or runs of pages, of one book
each, without its title. A document is taken as a part of a book below when it carries the book's title page, or when it
names at least two of the people and places of this book, one of them among the first two of its list (which no other book
has), and fits no other book half as well. What can't be told is left out. Files whose name holds "valid" give the
validation part. Needs zstd on the path.
"""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

# title | author | the author's death | published | names, the two most telling first
TRAIN = """
A Strange Manuscript Found in a Copper Cylinder|James De Mille|1880|1888|Oxenden,Melick,Kosekin,Almah,Layelah,athaleb,Kohen
After London|Richard Jefferies|1887|1885|Thyma,Aquila,Felix,Aurora,Durand
Agnes Grey|Anne Brontë|1849|1847|Miss Grey,Horton Lodge,Rosalie,Hatfield,Bloomfield
Alice's Adventures in Wonderland|Lewis Carroll|1898|1865|Gryphon,Mock Turtle,Alice,Hatter,White Rabbit,Dormouse,Caterpillar
An Old-Fashioned Girl|Louisa May Alcott|1888|1870|Polly,Trix,Fanny,Maud,Sydney
Ben-Hur|Lew Wallace|1905|1880|Ben-Hur,Messala,Simonides,Ilderim,Malluch,Balthasar
Black Beauty|Anna Sewell|1878|1877|Merrylegs,Birtwick,Ginger,John Manly,Squire Gordon,Jerry
Captains Courageous|Rudyard Kipling|1936|1897|Disko,Long Jack,Harvey,Manuel,Troop,We're Here
Carmilla|J. Sheridan Le Fanu|1873|1872|Carmilla,Mircalla,Spielsdorf,Karnstein,Perrodon
Daniel Deronda|George Eliot|1880|1876|Deronda,Grandcourt,Gwendolen,Mirah,Mordecai
Doctor Thorne|Anthony Trollope|1882|1858|Greshamsbury,Scatcherd,Gresham,Dunstable
Dracula|Bram Stoker|1912|1897|Van Helsing,Harker,Seward,Godalming,Renfield
Emma|Jane Austen|1817|1815|Knightley,Hartfield,Woodhouse,Elton,Highbury,Harriet
Erewhon|Samuel Butler|1902|1872|Erewhon,Nosnibor,Arowhena,Chowbok,Erewhonians
Far from the Madding Crowd|Thomas Hardy|1928|1874|Bathsheba,Boldwood,Troy,Weatherbury,Gabriel Oak
Framley Parsonage|Anthony Trollope|1882|1861|Lufton,Robarts,Framley,Sowerby,Dumbello
Gulliver's Travels|Jonathan Swift|1745|1726|Lilliput,Blefuscu,Houyhnhnms,Yahoos,Yahoo,Houyhnhnm,Brobdingnag,Laputa
Incidents in the Life of a Slave Girl|Harriet Jacobs|1897|1861|Dr. Flint,Mrs. Flint,Benny,Mr. Sands,Linda,Mr. Bruce
Ivanhoe|Walter Scott|1832|1820|Ivanhoe,Wamba,Cedric,Rowena,Gurth,Isaac,Rebecca,Templar,Athelstane
Jane Eyre|Charlotte Brontë|1855|1847|Rochester,Thornfield,Fairfax,Adèle,Lowood
Jo's Boys|Louisa May Alcott|1888|1886|Josie,Plumfield,Emil,Franz,Ted,Nan,Bhaer,Dan
Lady Audley's Secret|Mary Elizabeth Braddon|1915|1862|Audley,Talboys,Alicia,Phoebe,Lady Audley
Little Men|Louisa May Alcott|1888|1871|Demi,Plumfield,Nat,Daisy,Bhaer
Little Women|Louisa May Alcott|1888|1868|Laurie,Marmee,Jo,Meg,Beth,Amy,Laurence
Looking Backward|Edward Bellamy|1898|1888|Dr. Leete,Edith Leete,Edith,Mrs. Leete
Lorna Doone|R. D. Blackmore|1900|1869|Lorna,Doone,Doones,Ridd,Faggus,Carver
Mansfield Park|Jane Austen|1817|1814|Mrs. Norris,Bertram,Crawford,Sir Thomas,Fanny
Middlemarch|George Eliot|1880|1871|Dorothea,Casaubon,Lydgate,Rosamond,Ladislaw,Bulstrode,Vincy
Moby-Dick|Herman Melville|1891|1851|Pequod,Queequeg,Ahab,Starbuck,Stubb,Sperm Whale
Narrative of the Life of Frederick Douglass|Frederick Douglass|1895|1845|Covey,Colonel Lloyd,Mr. Freeland,Auld,Baltimore,Douglass
Nicholas Nickleby|Charles Dickens|1870|1839|Nickleby,Squeers,Smike,Newman Noggs,Mantalini,Ralph
Oliver Twist|Charles Dickens|1870|1838|Brownlow,Sikes,Oliver,Fagin,Bumble,Dodger
Orley Farm|Anthony Trollope|1882|1862|Lady Mason,Furnival,Peregrine,Noningsby,Dockwrath,Orme
Our Nig|Harriet E. Wilson|1900|1859|Frado,Mrs. Bellmont,Aunt Abby,Mag
Persuasion|Jane Austen|1817|1817|Kellynch,Musgrove,Elliot,Uppercross,Wentworth
Pride and Prejudice|Jane Austen|1817|1813|Darcy,Bingley,Bennet,Wickham,Longbourn,Collins
Robinson Crusoe|Daniel Defoe|1731|1719|Friday,Xury,my habitation,my cave,savages,my island
Rupert of Hentzau|Anthony Hope|1933|1898|Rischenheim,Bauer,Hentzau,Rupert
Shirley|Charlotte Brontë|1855|1849|Helstone,Fieldhead,Yorke,Moore,Pryor
Silas Marner|George Eliot|1880|1861|Marner,Eppie,Silas,Raveloe,Dunstan,Godfrey
Tess of the d'Urbervilles|Thomas Hardy|1928|1891|d'Urberville,Durbeyfield,Tess,Talbothays,Clare
The Awakening|Kate Chopin|1904|1899|Edna,Pontellier,Mademoiselle Reisz,Arobin,Ratignolle,Lebrun
The Country of the Pointed Firs|Sarah Orne Jewett|1909|1896|Mrs. Todd,Dunnet,Blackett,Green Island,Littlepage
The Heart of Princess Osra|Anthony Hope|1933|1896|Osra,Princess Osra,Strelsau,Giraldo,King Rudolf
The House of the Seven Gables|Nathaniel Hawthorne|1864|1851|Hepzibah,Pyncheon,Clifford,Phoebe,Holgrave
The King in Yellow|Robert W. Chambers|1933|1895|Carcosa,Hastur,Castaigne,Hildred,King in Yellow,Yellow Sign
The Last of the Mohicans|James Fenimore Cooper|1851|1826|Hawkeye,Heyward,Uncas,Chingachgook,Magua
The Leavenworth Case|Anna Katharine Green|1935|1878|Leavenworth,Gryce,Eleanore,Clavering,Harwell
The Mayor of Casterbridge|Thomas Hardy|1928|1886|Henchard,Farfrae,Elizabeth-Jane,Lucetta,Newson
The Mill on the Floss|George Eliot|1880|1860|Maggie,Tulliver,Glegg,Pullet,Deane,Stephen
The Moonstone|Wilkie Collins|1889|1868|Verinder,Betteredge,Moonstone,Ablewhite,Cuff
The Mysteries of Udolpho|Ann Radcliffe|1823|1794|Valancourt,Montoni,Annette,St. Aubert,Emily
The Oregon Trail|Francis Parkman|1893|1849|Laramie,Delorier,Henry Chatillon,Shaw,Ogillallah,Dakota
The Picture of Dorian Gray|Oscar Wilde|1900|1890|Dorian,Hallward,Lord Henry,Sibyl
The Portrait of a Lady|Henry James|1916|1881|Touchett,Madame Merle,Isabel,Osmond,Warburton,Goodwood
The Prisoner of Zenda|Anthony Hope|1933|1894|Strelsau,Black Michael,Flavia,Zenda,Tarlenheim
The Red Badge of Courage|Stephen Crane|1900|1895|tall soldier,loud soldier,the youth,tattered,regiment
The Return of the Native|Thomas Hardy|1928|1878|Eustacia,Yeobright,Clym,Wildeve,Thomasin
The Romance of the Forest|Ann Radcliffe|1823|1791|La Motte,La Luc,Adeline,Theodore
The Sign of the Four|Arthur Conan Doyle|1930|1890|Sholto,Morstan,Tonga,Agra,Thaddeus
The Strange Case of Dr Jekyll and Mr Hyde|Robert Louis Stevenson|1894|1886|Utterson,Jekyll,Hyde,Lanyon
The Tenant of Wildfell Hall|Anne Brontë|1849|1848|Hattersley,Hargrave,Huntingdon,Millward,Markham,Wildfell,Lawrence
The Turn of the Screw|Henry James|1916|1898|Mrs. Grose,Quint,Miles,Flora,Bly
The Wood Beyond the World|William Morris|1896|1894|
Three Men in a Boat|Jerome K. Jerome|1927|1889|Montmorency,Kingston,George,Harris,Marlow
Tom Jones|Henry Fielding|1754|1749|Allworthy,Blifil,Thwackum,Sophia,Western,Partridge
The Adventures of Tom Sawyer|Mark Twain|1910|1876|Injun Joe,Aunt Polly,Huck,Becky,Joe Harper,Tom
A Tale of Two Cities|Charles Dickens|1870|1859|Darnay,Defarge,Manette,Lorry,Carton,Pross
Treasure Island|Robert Louis Stevenson|1894|1883|Hispaniola,Livesey,Ben Gunn,Silver,Trelawney
Twelve Years a Slave|Solomon Northup|1864|1853|Epps,Tibeats,Platt,Patsey,Bayou
Vanity Fair|William Makepeace Thackeray|1863|1848|Dobbin,Rawdon,Osborne,Sedley,Becky,Crawley,Steyne,Amelia
Waverley|Walter Scott|1832|1814|Waverley,Bradwardine,Tully-Veolan,Fergus,Mac-Ivor
Wives and Daughters|Elizabeth Gaskell|1865|1866|Hamley,Cynthia,Molly,Gibson,Preston
The Woman in White|Wilkie Collins|1889|1860|Fosco,Limmeridge,Halcombe,Fairlie,Glyde
Wuthering Heights|Emily Brontë|1848|1847|Heathcliff,Linton,Hareton,Earnshaw
She|H. Rider Haggard|1925|1887|Ayesha,Billali,Ustane,Leo
Civil Disobedience|Henry David Thoreau|1862|1849|
Nature|Ralph Waldo Emerson|1882|1836|
A Modest Proposal|Jonathan Swift|1745|1729|
The Diamond Lens|Fitz James O'Brien|1862|1858|
The Black Cat|Edgar Allan Poe|1849|1843|
Letters Written During a Short Residence in Sweden, Norway, and Denmark|Mary Wollstonecraft|1797|1796|
Three Hundred Years Hence|Mary Griffith|1846|1836|
Journal of the Plague Year|Daniel Defoe|1731|1722|distemper,Aldgate,infected,plague,Whitechapel
Rights of Man|Thomas Paine|1809|1791|
Moonfleet|J. Meade Falkner|1932|1898|Elzevir,Moonfleet,Maskew,Ratsey,Mohune
The Princess and the Goblin|George MacDonald|1905|1872|Curdie,Lootie,Irene,goblins,Lina
The Coral Island|R. M. Ballantyne|1894|1857|Peterkin,Avatea,Ralph,Jack,Tararo
The Story of an African Farm|Olive Schreiner|1920|1883|Waldo,Lyndall,Tant Sannie,Bonaparte
Wired Love|Ella Cheever Thayer|1925|1879|Nattie,Cyn,Clem,Quimby,Miss Kling
A Crystal Age|W. H. Hudson|1922|1887|Yoletta,Chastel,Edra
Frankenstein|Mary Shelley|1851|1818|Clerval,Safie,Frankenstein,Justine,Felix,Elizabeth
"""

VALIDATION = """
Jude the Obscure|Thomas Hardy|1928|1895|Jude,Phillotson,Christminster,Marygreen,Arabella
Kidnapped|Robert Louis Stevenson|1894|1886|Balfour,Hoseason,Alan,Breck,Shaws,Covenant,Ebenezer
North and South|Elizabeth Gaskell|1865|1855|Thornton,Mr. Bell,Margaret,Hale,Milton,Higgins
Uncle Tom's Cabin|Harriet Beecher Stowe|1896|1852|Legree,Ophelia,Cassy,Shelby,Haley,Topsy,Eliza,George Harris
"""


class Book:
    def __init__(self, row):
        self.title, self.author, self.died, self.published, names = row.split("|")
        assert int(self.published) < 1900 and int(self.died) < 1940, row
        names = [re.escape(name) for name in names.split(",") if name]
        self.telling = re.compile(r"(?<!\w)(?:" + "|".join(names[:2]) + r")(?!\w)")
        self.names = re.compile(r"(?<!\w)(?:" + "|".join(names) + r")(?!\w)") if names else None
        self.documents = self.bytes = 0

    def score(self, text):
        """How surely a document is a part of this book; 0 for not."""
        if text.startswith(f"{self.title}\n\nby "):
            return 1000
        found = self.names.findall(text) if self.names else []
        distinct = len(set(found))
        surely = distinct >= 2 and len(found) >= 6 and self.telling.search(text)
        return distinct * min(len(found), 40) if surely else 0


def plain(text):
    """Without the marks of emphasis and the runs of blank lines that Markdown leaves."""
    text = re.sub(r"(?<!\w)[*_]{1,3}(?=\S)|(?<=\S)[*_]{1,3}(?!\w)", "", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def select(paths, books):
    """The documents that are surely a part of one of the books, in the files' order."""
    for path in paths:
        lines = subprocess.run(["zstd", "--long=27", "-dc", path], check=True, capture_output=True).stdout
        for number, line in enumerate(lines.decode().splitlines()):
            document = json.loads(line)
            if document["source"] != "books":
                continue
            text = plain(document["text"])
            scores = [(book.score(text), book.title, book) for book in books]
            scores.sort(reverse=True, key=lambda score: score[:2])
            # Two books may share a name; a document that fits two nearly as well is left out.
            if scores[0][0] > 0 and scores[0][0] >= 2 * scores[1][0]:
                book = scores[0][2]
                book.documents += 1
                book.bytes += len(text.encode())
                heading = text.split("\n")[0][:60]
                print(book.title, Path(path).name, number, scores[0][0], scores[1][0], heading, file=sys.stderr, sep="\t")
                yield {"title": book.title, "author": book.author, "text": text}


def write(path, documents):
    lines = "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in documents)
    subprocess.run(["zstd", "-19", "-q", "-f", "-o", path], input=lines.encode(), check=True)
    print(f"{path.name}: {len(documents)} documents, {sum(len(d['text'].encode()) for d in documents)} bytes of text, "
          f"{path.stat().st_size} bytes, SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()}")


def main():
    out, *paths = sys.argv[1:]
    train, validation = ([Book(row) for row in rows.strip().split("\n")] for rows in (TRAIN, VALIDATION))
    # Both lists are tried on both parts, so that nothing of a validation book can slip into training.
    every = train + validation
    parts = [("train", train, [p for p in paths if "valid" not in p]),
             ("validation", validation, [p for p in paths if "valid" in p])]
    for name, books, files in parts:
        titles = {book.title for book in books}
        write(Path(out) / f"{name}.jsonl.zst", [d for d in select(files, every) if d["title"] in titles])
        print("\n| title | author | published | documents | bytes |\n|---|---|---|---|---|")
        for book in sorted(books, key=lambda book: book.title):
            if book.documents:
                print(f"| {book.title} | {book.author} | {book.published} | {book.documents} | {book.bytes} |")
        print()


main()
