  const byId = (id) => document.getElementById(id);
  const record = JSON.parse(byId("record").textContent);
  const minus = (text) => (Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−"));
  const num = (value, digits) => minus(value.toFixed(digits));
  const set = (node, values) => {
    for (const [name, value] of Object.entries(values)) node.setAttribute(name, value);
  };

  for (const node of document.querySelectorAll(".js-only")) node.hidden = false;

  byId("save").addEventListener("click", (event) => {
    const link = document.createElement("a");
    const blob = new Blob([byId("record").textContent], { type: "application/json" });
    link.href = URL.createObjectURL(blob);
    link.download = event.currentTarget.dataset.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });

  // On paper everything is open but the record.
  let opened = [];
  const open = () => {
    opened = opened.concat([...document.querySelectorAll("details:not(.no-print):not([open])")]);
    for (const node of opened) node.open = true;
  };
  const close = () => {
    for (const node of opened) node.open = false;
    opened = [];
  };
  addEventListener("beforeprint", open);
  addEventListener("afterprint", close);
  matchMedia("print").addEventListener("change", (event) => (event.matches ? open() : close()));

