"use strict";
(() => {
  const canvas = document.getElementById("osteon-view");
  const gl = canvas.getContext("webgl", { antialias: true, preserveDrawingBuffer: true });
  if (!gl) { canvas.parentElement.remove(); return; } // the still pictures below remain
  gl.getExtension("OES_element_index_uint");
  const data = JSON.parse(document.getElementById("osteon-meshes").textContent);
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

  const vertexShader = `
    attribute vec3 position, normal;
    uniform vec3 low, extent, centre;
    uniform mat3 view;
    uniform vec2 scale;
    varying vec3 facing;
    void main() {
      vec3 seen = view * (low + position * extent - centre);
      facing = view * normal;
      gl_Position = vec4(seen.xy * scale, -seen.z * min(scale.x, scale.y) * 0.4, 1.0);
    }`;
  const fragmentShader = `
    precision mediump float;
    varying vec3 facing;
    uniform vec3 colour;
    void main() {
      vec3 n = normalize(facing), lamp = normalize(vec3(-0.45, 0.55, 0.75));
      float diffuse = 0.5 + 0.5 * dot(n, lamp);
      float shine = 0.16 * pow(max(dot(n, normalize(lamp + vec3(0, 0, 1))), 0.0), 28.0);
      float rim = 0.7 + 0.3 * sqrt(max(n.z, 0.0));
      gl_FragColor = vec4(colour * (0.27 + 0.85 * pow(diffuse, 1.4)) * rim + shine, 1.0);
    }`;
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertexShader], [gl.FRAGMENT_SHADER, fragmentShader]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  gl.useProgram(program);
  gl.enable(gl.DEPTH_TEST);
  const uniform = (name) => gl.getUniformLocation(program, name);
  const buffer = (target, content) => {
    const made = gl.createBuffer();
    gl.bindBuffer(target, made);
    gl.bufferData(target, content, gl.STATIC_DRAW);
    return made;
  };
  const meshes = data.meshes.map((mesh) => {
    const face = bytes(mesh.face);
    return {
      colour: mesh.colour,
      position: buffer(gl.ARRAY_BUFFER, bytes(mesh.position)),
      normal: buffer(gl.ARRAY_BUFFER, bytes(mesh.normal)),
      face: buffer(gl.ELEMENT_ARRAY_BUFFER, face),
      count: face.length / (mesh.wide ? 4 : 2),
      kind: mesh.wide ? gl.UNSIGNED_INT : gl.UNSIGNED_SHORT,
    };
  });

  const extent = data.high.map((h, i) => h - data.low[i]);
  const centre = data.low.map((l, i) => l + extent[i] / 2);
  const radius = Math.hypot(...extent) / 2;
  const start = { turn: 35, rise: 12, zoom: 1 };
  const camera = { ...start };

  function draw() {
    const ratio = window.devicePixelRatio || 1;
    canvas.width = canvas.clientWidth * ratio;
    canvas.height = canvas.clientHeight * ratio;
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(23 / 255, 26 / 255, 31 / 255, 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    const [t, r] = [camera.turn, camera.rise].map((d) => (d * Math.PI) / 180);
    // rows: screen right, screen up, towards the viewer, as RAS directions; WebGL wants columns
    const right = [-Math.cos(t), -Math.sin(t), 0];
    const up = [Math.sin(r) * Math.sin(t), -Math.sin(r) * Math.cos(t), Math.cos(r)];
    const near = [-Math.cos(r) * Math.sin(t), Math.cos(r) * Math.cos(t), Math.sin(r)];
    gl.uniformMatrix3fv(uniform("view"), false, [0, 1, 2].flatMap((i) => [right[i], up[i], near[i]]));
    const fit = (camera.zoom * 0.96) / radius, aspect = canvas.width / canvas.height;
    gl.uniform2f(uniform("scale"), aspect > 1 ? fit / aspect : fit, aspect > 1 ? fit : fit * aspect);
    gl.uniform3fv(uniform("low"), data.low);
    gl.uniform3fv(uniform("extent"), extent);
    gl.uniform3fv(uniform("centre"), centre);
    for (const mesh of meshes) {
      gl.uniform3fv(uniform("colour"), mesh.colour);
      for (const [name, kind] of [["position", gl.UNSIGNED_SHORT], ["normal", gl.BYTE]]) {
        const at = gl.getAttribLocation(program, name);
        gl.bindBuffer(gl.ARRAY_BUFFER, mesh[name]);
        gl.enableVertexAttribArray(at);
        gl.vertexAttribPointer(at, 3, kind, true, 0, 0);
      }
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, mesh.face);
      gl.drawElements(gl.TRIANGLES, mesh.count, mesh.kind, 0);
    }
  }
  function move(turn, rise, zoom = 1) {
    camera.turn += turn;
    camera.rise = Math.max(-90, Math.min(90, camera.rise + rise));
    camera.zoom = Math.max(0.4, Math.min(8, camera.zoom * zoom));
    requestAnimationFrame(draw);
  }
  canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
  canvas.addEventListener("pointermove", (event) => {
    if (event.buttons) move(event.movementX * 0.5, event.movementY * 0.5);
  });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    move(0, 0, Math.exp(-event.deltaY * 0.001));
  }, { passive: false });
  canvas.addEventListener("dblclick", () => { Object.assign(camera, start); draw(); });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-8, 0], ArrowRight: [8, 0], ArrowUp: [0, -8], ArrowDown: [0, 8],
      "+": [0, 0, 1.15], "=": [0, 0, 1.15], "-": [0, 0, 1 / 1.15] }[event.key];
    if (step) { event.preventDefault(); move(...step); }
  });
  new ResizeObserver(draw).observe(canvas);
})();
