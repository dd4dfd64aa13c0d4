(() => {
  const every = 3000;
  const state = () => ({
    checked: [...document.querySelectorAll("input:checked")].map(input => input.id),
    open: [...document.querySelectorAll("details")].map(details => details.open),
    scroll: scrollY,
  });
  const restore = ({ checked, open, scroll }) => {
    for (const id of checked) {
      const input = document.getElementById(id);
      if (input) input.checked = true;
    }
    const all = [...document.querySelectorAll("details")];
    if (all.length === open.length) all.forEach((details, index) => { details.open = open[index]; });
    scrollTo(0, scroll);
  };
  let tag = "";
  const look = async () => {
    try {
      const answer = await fetch("/", { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
      if (answer.ok) {
        const isFirst = !tag;
        tag = answer.headers.get("ETag") || "";
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.querySelector("main"), shown = document.querySelector("main");
        if (fresh && !(isFirst && fresh.innerHTML === shown.innerHTML)) {
          const before = state();
          shown.replaceWith(fresh);
          document.title = page.title;
          restore(before);
        }
      }
    } catch { /* The program has ended, or is busy: the page stays as it is. */ }
    setTimeout(look, every);
  };
  setTimeout(look, every);
})();
