(() => {
  /*
   * A listing's script: sorts without another request, filters, and moves by keys: "/" to the filter, arrows from name
   * to name. It orders the rows as listing.c does. Without scripts, the headings are forms that sort.
   */
  const body = document.querySelector('tbody:last-of-type'),
    rows = [...body.rows],
    filter = document.querySelector('header input');
  const heads = [...document.querySelectorAll('th')],
    count = document.querySelector('header p'),
    told = count.textContent;
  const lower = (text) => text.replace(/[A-Z]+/g, (part) => part.toLowerCase());
  const number = (run) => ((run = run.replace(/^0+/, '')), '0' + String.fromCharCode(run.length) + run);
  const link = (row) => row.cells[0].firstChild,
    path = (row) => link(row).getAttribute('href');
  const name = (row) => link(row).textContent.replace(/\/$/, '');
  const names = rows.map((row) => name(row).toLowerCase()),
    keys = rows.map((row) => lower(name(row)).replace(/\d+/g, number));
  rows.forEach((row, i) => (row.at = i));
  const bytes = (row) => +(row.querySelector('data')?.value || 0);
  const time = (row) => row.querySelector('time')?.dateTime || '';
  const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  const orders = [
    (a, b) => order(keys[a.at], keys[b.at]) || order(path(a), path(b)),
    (a, b) => bytes(a) - bytes(b),
    (a, b) => order(time(a), time(b)),
  ];
  const folder = (row) => (row.className === 'd' ? 0 : 1);
  function sort(column, down) {
    rows.sort((a, b) => folder(a) - folder(b) || (down ? -1 : 1) * orders[column](a, b) || orders[0](a, b));
    body.append(...rows);
    heads.forEach((head, i) => {
      if (i === column) head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
      head.firstChild.order.value = i === column && !down ? 'desc' : 'asc';
    });
  }
  heads.forEach((head, i) =>
    head.addEventListener('submit', (event) => {
      event.preventDefault();
      const { sort: button, order } = head.firstChild,
        search = `?sort=${button.value}&order=${order.value}`;
      sort(i, order.value === 'desc');
      history.replaceState(null, '', search);
    }),
  );
  function narrow() {
    const wanted = filter.value.toLowerCase().split(' ').filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const fits = wanted.every((word) => names[row.at].includes(word));
      row.hidden = !fits;
      shown += fits;
    }
    count.textContent = wanted.length ? shown + ' of ' + rows.length : told;
  }
  filter.hidden = !rows.length;
  filter.addEventListener('input', narrow);
  addEventListener('pageshow', narrow);
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { key, target } = event,
      typing = target === filter;
    if (key === '/' && !typing) {
      event.preventDefault();
      filter.focus();
      filter.select();
      return;
    }
    if (key === 'Escape' && typing) {
      filter.value = '';
      narrow();
      filter.blur();
      return;
    }
    const links = [...document.querySelectorAll('tbody tr:not([hidden]) a')],
      at = links.indexOf(target);
    if (key === 'Enter' && typing && filter.value) {
      const first = rows.find((row) => !row.hidden);
      if (first) link(first).click();
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[key];
    if (!step || !links.length) return;
    event.preventDefault();
    if (at + step < 0 && !filter.hidden) filter.focus();
    else links[Math.min(Math.max(at + step, 0), links.length - 1)].focus();
  });
})();
