// A gallery is one stop of the Tab key; the arrows go through its tiles.

const places = [...document.querySelectorAll("#portraits, #templates, #clips")];

export function listen() {
  for (const place of places) {
    place.addEventListener("keydown", (event) => step(place, event));
    place.addEventListener("focusin", (event) => settle(place, event.target.closest(".tile")));
  }
  settleAll();
}

// After tiles came, went or were chosen.
export function settleAll() {
  for (const place of places) {
    const seen = tiles(place);
    settle(place, seen.find((each) => each.ariaPressed === "true") ?? seen[0]);
  }
}

function settle(place, tile) {
  if (tile) for (const each of place.querySelectorAll(".tile")) each.tabIndex = each === tile ? 0 : -1;
}

function step(place, event) {
  const seen = tiles(place);
  const at = seen.indexOf(document.activeElement);
  const next = { ...arrows(seen), Home: -at, End: seen.length - 1 - at }[event.key];
  if (next === undefined || at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  seen[Math.min(Math.max(at + next, 0), seen.length - 1)].focus();
}

// Up and down go a row; how many tiles it has is seen.
function arrows(seen) {
  const row = seen.filter((each) => each.offsetTop === seen[0].offsetTop).length;
  const ahead = document.documentElement.dir === "rtl" ? -1 : 1;
  return { ArrowRight: ahead, ArrowLeft: -ahead, ArrowDown: row, ArrowUp: -row };
}

function tiles(place) {
  return [...place.querySelectorAll(".tile:not([hidden])")];
}
