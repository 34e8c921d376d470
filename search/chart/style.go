package chart

// Style is the style sheet of figures: a page that shows them has it once.
const Style = `
.chart{--c1:#0072b2;--c2:#d55e00;--c3:#009e73;--c4:#b8629a;--c5:#c98a00;--c6:#3a9fd8;--ink:#1d2329;--soft:#5b6570;--grid:#dfe3e8;--paper:#fff;
font:12px/1.2 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;max-width:100%;height:auto;color:var(--ink)}
@media screen and (prefers-color-scheme:dark){.chart{--c1:#5cb1ea;--c2:#ff8a4c;--c3:#2fc79a;--c4:#e59cc8;--c5:#f0b840;--c6:#8fd0f7;--ink:#e6e9ec;--soft:#a3adb8;--grid:#343c45;--paper:#16191d}}
.chart text{fill:var(--ink)}
.chart .soft{fill:var(--soft)}
.chart .halo{paint-order:stroke;stroke:var(--paper);stroke-width:3px;stroke-linejoin:round}
.chart .strong{font-weight:600}
.chart .on{fill:var(--paper)}
.chart .grid{stroke:var(--grid);fill:none}
.chart .axis{stroke:var(--soft);fill:none}
.chart .box{stroke:var(--soft);stroke-width:1.25;fill:var(--paper)}
.chart .input{stroke-dasharray:4 3}
.chart .arrow{fill:var(--soft)}
.chart .span{fill:currentColor;stroke:var(--paper);stroke-width:1}
.chart .dull{color:var(--soft)}
.chart .line{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.chart .thin{stroke-width:1.25}
.chart .band{fill:currentColor;fill-opacity:.16}
.chart .fill{fill:currentColor}
.chart .hollow{fill:var(--paper);stroke:currentColor;stroke-width:1.75}
.chart .s1{color:var(--c1)}.chart .s2{color:var(--c2)}.chart .s3{color:var(--c3)}.chart .s4{color:var(--c4)}.chart .s5{color:var(--c5)}.chart .s6{color:var(--c6)}
`
