"""References of the methods, as BibTeX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

__all__ = ["ESTIMATOR_KEYS", "REFERENCES", "TAU2_KEYS", "bibtex"]

_FIELDS = ("author", "title", "journal", "year", "volume", "pages", "doi")

# author | title | journal | year | volume | pages | doi
_TABLE = r"""
anscombe1948 | Anscombe, F. J. | The transformation of {Poisson}, binomial and negative-binomial data | Biometrika | 1948 | 35 | 246--254 | 10.1093/biomet/35.3-4.246
baker2008 | Baker, Rose and Jackson, Dan | A new approach to outliers in meta-analysis | Health Care Management Science | 2008 | 11 | 121--131 | 10.1007/s10729-007-9041-8
benjamini1995 | Benjamini, Yoav and Hochberg, Yosef | Controlling the false discovery rate: a practical and powerful approach to multiple testing | Journal of the Royal Statistical Society: Series B | 1995 | 57 | 289--300 | 10.1111/j.2517-6161.1995.tb02031.x
bowden2015 | Bowden, Jack and Davey Smith, George and Burgess, Stephen | {Mendelian} randomization with invalid instruments: effect estimation and bias detection through {Egger} regression | International Journal of Epidemiology | 2015 | 44 | 512--525 | 10.1093/ije/dyv080
bowden2016 | Bowden, Jack and Davey Smith, George and Haycock, Philip C. and Burgess, Stephen | Consistent estimation in {Mendelian} randomization with some invalid instruments using a weighted median estimator | Genetic Epidemiology | 2016 | 40 | 304--314 | 10.1002/gepi.21965
burgess2013 | Burgess, Stephen and Butterworth, Adam and Thompson, Simon G. | {Mendelian} randomization analysis with multiple genetic variants using summarized data | Genetic Epidemiology | 2013 | 37 | 658--665 | 10.1002/gepi.21758
burgess2016 | Burgess, Stephen and Dudbridge, Frank and Thompson, Simon G. | Combining information on multiple instrumental variables in {Mendelian} randomization: comparison of allele score and summarized data methods | Statistics in Medicine | 2016 | 35 | 1880--1906 | 10.1002/sim.6835
burgess2018 | Burgess, Stephen and Zuber, Verena and Gkatzionis, Apostolos and Foley, Christopher N. | Modal-based estimation via heterogeneity-penalized weighting: model averaging for consistent and efficient estimation in {Mendelian} randomization when a plurality of candidate instruments are valid | International Journal of Epidemiology | 2018 | 47 | 1242--1254 | 10.1093/ije/dyy080
burgess2020 | Burgess, Stephen and Foley, Christopher N. and Allara, Elias and Staley, James R. and Howson, Joanna M. M. | A robust and efficient method for {Mendelian} randomization with hundreds of genetic variants | Nature Communications | 2020 | 11 | 376 | 10.1038/s41467-019-14156-4
dudbridge2025 | Dudbridge, Frank and others | Getting to {GRIPS} with {MR-Egger}: modelling directional pleiotropy independently of allele coding | PLoS Genetics | 2025 | | e1011967 | 10.1371/journal.pgen.1011967
efron1979 | Efron, Bradley | Bootstrap methods: another look at the jackknife | The Annals of Statistics | 1979 | 7 | 1--26 | 10.1214/aos/1176344552
fuller1987 | Fuller, Wayne A. | Measurement error models | Wiley | 1987 | | | 10.1002/9780470316665
gal2016 | Gal, Yarin and Ghahramani, Zoubin | Dropout as a {Bayesian} approximation: representing model uncertainty in deep learning | Proceedings of ICML | 2016 | 48 | 1050--1059 | 10.48550/arXiv.1506.02142
grant2011 | Grant, Charles E. and Bailey, Timothy L. and Noble, William Stafford | {FIMO}: scanning for occurrences of a given motif | Bioinformatics | 2011 | 27 | 1017--1018 | 10.1093/bioinformatics/btr064
hartung2001 | Hartung, Joachim and Knapp, Guido | A refined method for the meta-analysis of controlled clinical trials with binary outcome | Statistics in Medicine | 2001 | 20 | 3875--3889 | 10.1002/sim.791
hartwig2017 | Hartwig, Fernando Pires and Davey Smith, George and Bowden, Jack | Robust inference in summary data {Mendelian} randomization via the zero modal pleiotropy assumption | International Journal of Epidemiology | 2017 | 46 | 1985--1998 | 10.1093/ije/dyx102
higgins2002 | Higgins, Julian P. T. and Thompson, Simon G. | Quantifying heterogeneity in a meta-analysis | Statistics in Medicine | 2002 | 21 | 1539--1558 | 10.1002/sim.1186
higgins2009 | Higgins, Julian P. T. and Thompson, Simon G. and Spiegelhalter, David J. | A re-evaluation of random-effects meta-analysis | Journal of the Royal Statistical Society: Series A | 2009 | 172 | 137--159 | 10.1111/j.1467-985X.2008.00552.x
huang2017 | Huang, Gao and Li, Yixuan and Pleiss, Geoff and Liu, Zhuang and Hopcroft, John E. and Weinberger, Kilian Q. | Snapshot ensembles: train 1, get {M} for free | Proceedings of ICLR | 2017 | | | 10.48550/arXiv.1704.00109
lakshminarayanan2017 | Lakshminarayanan, Balaji and Pritzel, Alexander and Blundell, Charles | Simple and scalable predictive uncertainty estimation using deep ensembles | Advances in Neural Information Processing Systems | 2017 | 30 | | 10.48550/arXiv.1612.01474
ledoit2004 | Ledoit, Olivier and Wolf, Michael | A well-conditioned estimator for large-dimensional covariance matrices | Journal of Multivariate Analysis | 2004 | 88 | 365--411 | 10.1016/S0047-259X(03)00096-4
liang1986 | Liang, Kung-Yee and Zeger, Scott L. | Longitudinal data analysis using generalized linear models | Biometrika | 1986 | 73 | 13--22 | 10.1093/biomet/73.1.13
malina2022 | Malina, Stephen and Cizin, Daniel and Knowles, David A. | Deep {Mendelian} randomization: investigating the causal knowledge of genomic deep learning models | PLoS Computational Biology | 2022 | 18 | e1009880 | 10.1371/journal.pcbi.1009880
miller1974 | Miller, Rupert G. | The jackknife: a review | Biometrika | 1974 | 61 | 1--15 | 10.1093/biomet/61.1.1
paule1982 | Paule, Robert C. and Mandel, John | Consensus values and weighting factors | Journal of Research of the National Bureau of Standards | 1982 | 87 | 377--385 | 10.6028/jres.087.022
rees2019 | Rees, Jessica M. B. and Wood, Angela M. and Dudbridge, Frank and Burgess, Stephen | Robust methods in {Mendelian} randomization via penalization of heterogeneous causal estimates | PLoS ONE | 2019 | 14 | e0222362 | 10.1371/journal.pone.0222362
satterthwaite1946 | Satterthwaite, F. E. | An approximate distribution of estimates of variance components | Biometrics Bulletin | 1946 | 2 | 110--114 | 10.2307/3002019
searle1992 | Searle, Shayle R. and Casella, George and McCulloch, Charles E. | Variance components | Wiley | 1992 | | | 10.1002/9780470316856
sidik2005 | Sidik, Kurex and Jonkman, Jeffrey N. | Simple heterogeneity variance estimation for meta-analysis | Journal of the Royal Statistical Society: Series C | 2005 | 54 | 367--384 | 10.1111/j.1467-9876.2005.00489.x
smyth2004 | Smyth, Gordon K. | Linear models and empirical {Bayes} methods for assessing differential expression in microarray experiments | Statistical Applications in Genetics and Molecular Biology | 2004 | 3 | 3 | 10.2202/1544-6115.1027
thomas2007 | Thomas, Duncan C. and Lawlor, Debbie A. and Thompson, John R. | Re: Estimation of bias in nongenetic observational studies using ``{Mendelian} triangulation'' by {Bautista} et al. | Annals of Epidemiology | 2007 | 17 | 511--513 | 10.1016/j.annepidem.2006.12.001
thompson2005 | Thompson, John R. and Minelli, Cosetta and Abrams, Keith R. and Tobin, Martin D. and Riley, Richard D. | Meta-analysis of genetic studies using {Mendelian} randomization: a multivariate approach | Statistics in Medicine | 2005 | 24 | 2241--2254 | 10.1002/sim.2090
verbanck2018 | Verbanck, Marie and Chen, Chia-Yen and Neale, Benjamin and Do, Ron | Detection of widespread horizontal pleiotropy in causal relationships inferred from {Mendelian} randomization between complex traits and diseases | Nature Genetics | 2018 | 50 | 693--698 | 10.1038/s41588-018-0099-7
viechtbauer2005 | Viechtbauer, Wolfgang | Bias and efficiency of meta-analytic variance estimators in the random-effects model | Journal of Educational and Behavioral Statistics | 2005 | 30 | 261--293 | 10.3102/10769986030003261
wang2019 | Wang, Guotai and Li, Wenqi and Aertsen, Michael and Deprest, Jan and Ourselin, S{\'e}bastien and Vercauteren, Tom | Aleatoric uncertainty estimation with test-time augmentation for medical image segmentation with convolutional neural networks | Neurocomputing | 2019 | 338 | 34--45 | 10.1016/j.neucom.2019.01.103
woodruff1952 | Woodruff, Ralph S. | Confidence intervals for medians and other position measures | Journal of the American Statistical Association | 1952 | 47 | 635--646 | 10.1080/01621459.1952.10483443
xu2023 | Xu, Siqi and Wang, Peng and Fung, Wing Kam and Liu, Zhonghua | A novel penalized inverse-variance weighted estimator for {Mendelian} randomization with applications to {COVID-19} outcomes | Biometrics | 2023 | 79 | 2184--2195 | 10.1111/biom.13732
xue2021 | Xue, Haoran and Shen, Xiaotong and Pan, Wei | Constrained maximum likelihood-based {Mendelian} randomization robust to both correlated and uncorrelated pleiotropic effects | American Journal of Human Genetics | 2021 | 108 | 1251--1269 | 10.1016/j.ajhg.2021.05.014
ye2021 | Ye, Ting and Shao, Jun and Kang, Hyunseung | Debiased inverse-variance weighted estimator in two-sample summary-data {Mendelian} randomization | The Annals of Statistics | 2021 | 49 | 2079--2100 | 10.1214/20-AOS2027
yuen1974 | Yuen, Karen K. | The two-sample trimmed t for unequal population variances | Biometrika | 1974 | 61 | 165--170 | 10.1093/biomet/61.1.165
zhao2020 | Zhao, Qingyuan and Wang, Jingshu and Hemani, Gibran and Bowden, Jack and Small, Dylan S. | Statistical inference in two-sample summary-data {Mendelian} randomization using robust adjusted profile score | The Annals of Statistics | 2020 | 48 | 1742--1769 | 10.1214/19-AOS1866
"""  # noqa: E501


def _parsed() -> dict[str, dict[str, str]]:
    found = {}
    for line in _TABLE.strip().splitlines():
        key, *values = (part.strip() for part in line.split("|"))
        found[key] = dict(zip(_FIELDS, values, strict=True))
    return found


REFERENCES: Mapping[str, Mapping[str, str]] = MappingProxyType(_parsed())
"""Fields of each reference by its key."""

ESTIMATOR_KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "bayesian_mode": ("burgess2018",),
        "constrained_ml": ("xue2021",),
        "contamination_mixture": ("burgess2020",),
        "debiased_ivw": ("ye2021",),
        "egger": ("bowden2015",),
        "grip": ("dudbridge2025",),
        "ivw": ("burgess2013",),
        "lasso": ("rees2019",),
        "maximum_likelihood": ("thompson2005", "burgess2013"),
        "penalized_debiased_ivw": ("xu2023",),
        "penalized_mode": ("hartwig2017",),
        "penalized_weighted_median": ("bowden2016",),
        "presso": ("verbanck2018",),
        "raps": ("zhao2020",),
        "simple_median": ("bowden2016",),
        "simple_mode": ("hartwig2017",),
        "slope": ("burgess2013",),
        "wald_ratio": ("thomas2007",),
        "weighted_median": ("bowden2016",),
        "weighted_mode": ("hartwig2017",),
    }
)
"""References of each MR estimator, by its short name."""

TAU2_KEYS: Mapping[str, str] = MappingProxyType(
    {"pm": "paule1982", "sj": "sidik2005", "eb": "paule1982"}
)
"""References of an estimator of the between-locus variance other than Viechtbauer 2005."""


def bibtex(keys: Sequence[str]) -> str:
    """Return BibTeX entries, each once, in the order given.

    Args:
        keys: Keys of `REFERENCES`.

    Raises:
        LookupError: If there is no reference of that key.

    Example:
        >>> print(bibtex(["efron1979"]))
        @article{efron1979,
          author = {Efron, Bradley},
          title = {Bootstrap methods: another look at the jackknife},
          journal = {The Annals of Statistics},
          year = {1979},
          volume = {7},
          pages = {1--26},
          doi = {10.1214/aos/1176344552},
        }
    """
    unknown = [key for key in keys if key not in REFERENCES]
    if unknown:
        raise LookupError(f"there is no reference called {unknown[0]!r}; see REFERENCES")
    return "\n\n".join(_entry(key, REFERENCES[key]) for key in dict.fromkeys(keys))


def _entry(key: str, fields: Mapping[str, str]) -> str:
    book = fields["journal"] == "Wiley"
    named = {"publisher" if book and k == "journal" else k: v for k, v in fields.items() if v}
    lines = [f"  {name} = {{{value}}}," for name, value in named.items()]
    return "\n".join([f"@{'book' if book else 'article'}{{{key},", *lines, "}"])
