"use strict";
const form = document.getElementById("row"), error = document.getElementById("error"), answer = document.getElementById("answer");
const labels = document.getElementById("labels"), classes = document.getElementById("classes");
const fail = (text) => { error.textContent = text; error.hidden = false; answer.hidden = true; };
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const row = new FormData();
  for (const [name, value] of new FormData(form)) {
    if (typeof value === "string" ? value !== "" : value.size > 0) row.append(name, value);
  }
  if ([...row.keys()].length === 0) return fail("Give at least one value.");
  try {
    const response = await fetch(form.getAttribute("action"), { method: "POST", body: row });
    const got = await response.json();
    if (!response.ok) return fail((got.field ? got.field + ": " : "") + got.error);
    const prediction = got.predictions[0];
    error.hidden = true;
    labels.textContent = prediction.labels.join(", ") || "none";
    classes.replaceChildren(...Object.entries(prediction.probabilities).sort((a, b) => b[1] - a[1]).map(([name, p]) => {
      const line = document.createElement("tr"), bar = document.createElement("meter");
      const cells = [document.createElement("th"), document.createElement("td"), document.createElement("td")];
      cells[0].scope = "row";
      cells[0].textContent = name;
      cells[1].textContent = p.toFixed(4);
      bar.value = p;
      bar.setAttribute("aria-hidden", "true"); // the number says it
      cells[2].append(bar);
      line.append(...cells);
      return line;
    }));
    answer.hidden = false;
  } catch (e) {
    fail("The server does not answer: " + e.message);
  }
});
