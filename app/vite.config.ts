import { defineConfig } from "vite";

// Built into the Python package, from where `osteon app` serves it. No file is inlined: the content security policy
// of the app runs nothing that is not a file of its own.
export default defineConfig({
  base: "/",
  build: {
    outDir: "../src/osteon/app/static",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 4000,
  },
});
