// Prints the HTML that GitHub Flavored Markdown makes of a file, with the elements that the file itself writes.
import { readFileSync } from "node:fs";
import { micromark } from "micromark";
import { gfm, gfmHtml } from "micromark-extension-gfm";

const text = readFileSync(process.argv[1]);
process.stdout.write(micromark(text, {
  allowDangerousHtml: true,
  extensions: [gfm()],
  htmlExtensions: [gfmHtml()],
}));
